"""Stage 2: the student learns to reproduce the teacher, and nothing else changes."""

from collections.abc import Iterable

from torch import Tensor, nn

from ..core.clip import Batch
from ..model import student_loss
from .stage import Stage


class StudentStage(Stage):
    """Trains the student; every other parameter and buffer stays as it is, bit for bit."""

    name = "student"

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        return self.network.student.parameters()

    def train(self, mode: bool = True) -> "StudentStage":
        """Only the student trains: BatchNorm's statistics and dropout of the rest rest too."""
        super().train(mode)
        for module in self.network.frozen_in_student_stage():
            module.eval()
        return self

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        loss = student_loss(batch, self.reconstruct(batch, with_student=True))
        clips = len(batch.video)
        self.log("train/student_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=clips)
        return loss
