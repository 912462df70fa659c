"""What happens beside the training steps: evaluation, checkpoints, progress."""

from .checkpoints import StageCheckpoints
from .evaluation import Evaluation

__all__ = ["Evaluation", "StageCheckpoints"]
