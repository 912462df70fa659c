"""What scores of frames, pixels and regions are worth; the official protocol is there for comparison only."""

from .delay import detection_delay, event_delays
from .evaluate import evaluate
from .frame_auc import FrameAUC
from .intervals import bootstrap_intervals, paired_differences
from .localization import evaluate_regions
from .pixel import PixelAUC
from .standard import smoothed_scores

__all__ = [
    "FrameAUC",
    "PixelAUC",
    "bootstrap_intervals",
    "detection_delay",
    "evaluate",
    "evaluate_regions",
    "event_delays",
    "paired_differences",
    "smoothed_scores",
]
