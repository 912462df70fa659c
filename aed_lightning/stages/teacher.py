"""Stage 1: encoder, teacher and head learn to rebuild the clean frame and to say where something was pasted."""

from collections.abc import Iterable

from torch import Tensor, nn

from ..core.clip import Batch
from ..model import head_loss, map_loss, teacher_loss, token_loss
from .options import TeacherOptions
from .stage import Stage


class TeacherStage(Stage):
    """Trains everything but the student."""

    name = "teacher"
    options: TeacherOptions

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        return (parameter for _, parameter in self.network.teacher_stage_parameters())

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        clips = len(batch.video)
        reconstruction = self.reconstruct(batch, with_student=False)
        loss = teacher_loss(batch, reconstruction, self.network.patch_size)
        self.log("train/teacher_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=clips)
        if self.options.map_loss_weight:
            everywhere = map_loss(batch, reconstruction, self.network.patch_size)
            self.log("train/map_loss", everywhere, on_step=False, on_epoch=True, sync_dist=True, batch_size=clips)
            loss = loss + self.options.map_loss_weight * everywhere
        if reconstruction.class_logit is not None:
            head = head_loss(batch, reconstruction)
            self.log("train/head_loss", head, on_step=False, on_epoch=True, sync_dist=True, batch_size=clips)
            loss = loss + self.options.head_loss_weight * head
        if reconstruction.token_logits is not None:
            tokens = token_loss(batch, reconstruction, self.network.patch_size)
            self.log("train/token_loss", tokens, on_step=False, on_epoch=True, sync_dist=True, batch_size=clips)
            loss = loss + self.options.token_loss_weight * tokens
        return loss
