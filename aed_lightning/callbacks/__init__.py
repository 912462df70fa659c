"""What happens beside the training steps: evaluation, checkpoints, progress, Weights & Biases."""

from .checkpoints import StageCheckpoints
from .evaluation import Evaluation
from .weights_and_biases import WandbResults, WandbRun

__all__ = ["Evaluation", "StageCheckpoints", "WandbResults", "WandbRun"]
