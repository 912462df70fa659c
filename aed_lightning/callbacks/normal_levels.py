"""What is normal, measured before each validation of a training and at the end of its last epoch."""

import lightning.pytorch as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from ..data.module import DataModule
from ..scoring.maps import mean_discrepancy, mean_error, predicted_map
from ..stages.stage import Stage


class MeasureNormalLevels(L.Callback):
    """Measures the network's `levels` on frames of `data`'s training videos as they are.

    Every process measures the same frames. It has to stand before the callback that writes checkpoints.
    """

    def __init__(self, data: DataModule) -> None:
        self._data = data

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """So that validation scores as evaluation will."""
        if trainer.state.fn == TrainerFn.FITTING:
            self._measure(trainer, pl_module)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Where no epoch will be trained, none will end."""
        if trainer.max_epochs == 0:
            self._measure_at_rest(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """At the end of the last, so that the last checkpoint has the levels of its own weights."""
        enough_steps = 0 < trainer.max_steps <= trainer.global_step
        if trainer.should_stop or enough_steps or trainer.current_epoch + 1 == trainer.max_epochs:
            self._measure_at_rest(trainer, pl_module)

    def _measure_at_rest(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        pl_module.eval()
        self._measure(trainer, pl_module)
        pl_module.train()

    @torch.no_grad()
    def _measure(self, trainer: L.Trainer, stage: L.LightningModule) -> None:
        assert isinstance(stage, Stage)
        errors: list[Tensor] = []
        maps: list[Tensor] = []
        discrepancies: list[Tensor] = []
        logits: list[Tensor] = []
        for clips in self._data.normal_dataloader():
            batch = trainer.strategy.batch_to_device(clips)
            with trainer.precision_plugin.val_step_context():
                found = stage.reconstruct_to_score(batch, stage.name == "student")
            errors.append(mean_error(batch.inputs, found, stage.network.patch_size))
            maps.append(predicted_map(found))
            discrepancy = mean_discrepancy(found)
            if discrepancy is not None:
                discrepancies.append(discrepancy)
            if found.class_logit is not None:
                logits.append(found.class_logit.float())
        stage.network.levels.measure(
            torch.cat(errors),
            torch.cat(maps),
            torch.cat(discrepancies) if discrepancies else None,
            torch.cat(logits) if logits else None,
        )
