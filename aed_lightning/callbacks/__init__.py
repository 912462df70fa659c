"""What happens beside the training steps: evaluation, checkpoints, progress, Weights & Biases."""

from .checkpoints import StageCheckpoints
from .evaluation import Evaluation
from .normal_levels import MeasureNormalLevels
from .own_signals import OwnSignals
from .weights_and_biases import WandbResults, WandbRun

__all__ = ["Evaluation", "MeasureNormalLevels", "OwnSignals", "StageCheckpoints", "WandbResults", "WandbRun"]
