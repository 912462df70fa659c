"""What frame scores are worth: the standard protocol, and the official one for comparison."""

from .evaluate import evaluate
from .frame_auc import FrameAUC
from .standard import smoothed_scores

__all__ = ["FrameAUC", "evaluate", "smoothed_scores"]
