"""What both stages share: the network, the masks, and how a frame is scored."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import lightning.pytorch as L
import torch
from torch import nn

from ..core import torch_seed
from ..core.clip import Batch, Reconstruction
from ..model import AutoEncoder, reconstruct
from ..scoring.rules import FrameValues, Rule
from .options import StageOptions


class Stage(L.LightningModule):
    """One stage of the training; each step takes a finished `Batch`.

    network: shared by both stages. rule: makes scores. options: how to train.
    seed: of masks and dropout. total_steps: of the whole stage, for schedules that need it.
    """

    name: ClassVar[str]

    def __init__(
        self,
        network: AutoEncoder,
        rule: Rule,
        options: StageOptions,
        seed: int = 0,
        total_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.network, self.rule, self.options = network, rule, options
        self.seed, self.total_steps = seed, total_steps
        # All else is frozen: it costs no gradient, and distributed training waits for none.
        network.requires_grad_(False)
        for parameter in self.trained_parameters():
            parameter.requires_grad_(True)

    @abstractmethod
    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """What this stage's optimizer moves."""

    def reconstruct(
        self, batch: Batch, with_student: bool, mask_ratio: float | None = None, masks: int = 1
    ) -> Reconstruction:
        """Run the network under the masks of the batch's clips; at the network's own mask ratio unless given."""
        return reconstruct(
            self.network, batch, seed=self.seed, with_student=with_student, mask_ratio=mask_ratio, masks=masks
        )

    def reconstruct_to_score(self, batch: Batch, with_student: bool) -> Reconstruction:
        """The same under the masks that the rule scores with."""
        return self.reconstruct(batch, with_student, self.rule.mask_ratio, self.rule.masks)

    def frame_values(self, batch: Batch) -> FrameValues:
        """What the rule takes from each frame of the batch."""
        with_student = self.name == "student" and self.rule.reads_student
        reconstruction = self.reconstruct_to_score(batch, with_student)
        patch, rows = self.network.patch_size, self.network.rows
        token_map = self.rule.token_map(batch.inputs, reconstruction, patch).unflatten(1, (rows, -1))
        values = self.rule.frame_values(batch.inputs, reconstruction, patch, rows)
        return FrameValues(values=values, token_map=token_map)

    def on_train_start(self) -> None:
        """Lightning takes the modes of modules as it finds them; `train` is where a stage says what rests."""
        self.train()

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """Dropout draws from torch's own generator: make it a function of where the training is."""
        torch.manual_seed(torch_seed(self.seed, self.name, self.global_step, self.global_rank))

    def validation_step(self, batch: Batch, batch_index: int) -> FrameValues:
        return self.frame_values(batch)

    def test_step(self, batch: Batch, batch_index: int) -> FrameValues:
        return self.frame_values(batch)

    def predict_step(self, batch: Batch, batch_index: int) -> FrameValues:
        return self.frame_values(batch)

    def configure_optimizers(self) -> Any:
        optimizer = self.options.optimizer(self.trained_parameters())
        scheduler = self.options.scheduler(optimizer, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the learning rate of the configuration: torch would take that of the checkpoint, and one that was
        changed to go on with (`--resume force`) would stay as it was."""
        now = self.options.learning_rate
        share = now / checkpoint.get("aed_lightning", {}).get("learning_rate", now)
        if share == 1:
            return
        for states in checkpoint.get("optimizer_states", []):
            for group in states["param_groups"]:
                group["lr"], group["initial_lr"] = share * group["lr"], share * group["initial_lr"]
        for states in checkpoint.get("lr_schedulers", []):
            states["base_lrs"] = [share * rate for rate in states["base_lrs"]]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a reader needs to know whether the checkpoint is his."""
        checkpoint["aed_lightning"] = {
            "stage": self.name,
            "architecture": dict(self.network.architecture),
            "processes": self.trainer.world_size,
            "learning_rate": self.options.learning_rate,
        }
