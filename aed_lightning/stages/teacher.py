"""Stage 1: encoder, teacher and head learn to rebuild the clean frame and to say where something was pasted."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from ..core.clip import Batch
from ..model import head_loss, teacher_loss
from .stage import Stage


class TeacherStage(Stage):
    """Trains everything but the student.

    head_loss_weight: of the head's loss beside the teacher's.
    """

    name = "teacher"

    def __init__(self, *arguments: Any, head_loss_weight: float = 1.0, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.head_loss_weight = head_loss_weight

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        return (parameter for _, parameter in self.network.teacher_stage_parameters())

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        reconstruction = self.reconstruct(batch, with_student=False)
        loss = teacher_loss(batch, reconstruction, self.network.patch_size)
        self.log("train/teacher_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.video))
        if reconstruction.class_logit is not None:
            head = head_loss(batch, reconstruction)
            self.log("train/head_loss", head, on_step=False, on_epoch=True, batch_size=len(batch.video))
            loss = loss + self.head_loss_weight * head
        return loss
