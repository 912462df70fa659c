"""Checkpoints of a stage: whole or absent, at the end of every epoch, and when somebody stops the training."""

import copy
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor

from ..core import DataError, Interrupted, RunPaths, atomic_path
from ..core.checksums import make_way, sha256
from ..core.clip import Batch
from ..core.stops import Stops
from ..stages.stage import Stage
from .requeue import requeue


class StageCheckpoints(L.Callback):
    """Writes `checkpoints/STAGE/last.ckpt` after each epoch, with its SHA-256 beside it, and keeps the one before.

    A loss that is not a number ends the training at that step, and weights that are not are never saved.

    The first Ctrl-C (or SIGTERM) lets the step finish, writes the checkpoint and ends the training; a second one ends
    it at once, but for SIGTERM told twice (`Stops`). During a validation the checkpoint is that of the step before, and
    the validation is left out; several processes finish it first.
    SIGUSR1, a scheduler's warning, writes the checkpoint after the step and asks the scheduler to start the job again;
    where there is none, the training just goes on.
    stops: shared with the other stage and with whoever takes the signals before and after.
    """

    def __init__(self, paths: RunPaths, stops: Stops | None = None) -> None:
        self.paths = paths
        self._stops = stops or Stops()
        self._warned = False
        self._clips: tuple[Sequence[str], Tensor] | None = None
        self._before_validation: tuple[int, dict[str, Any]] = (-1, {})
        self._saves_before_validation = False
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._stop)
        self._previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._warn)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        # The ranks meet a bad loss and get a signal at different steps, and must stop at the same one.
        if trainer.strategy.reduce_boolean_decision(not torch.isfinite(outputs["loss"]), all=False):
            ours = not torch.isfinite(outputs["loss"])
            what = f"loss {float(outputs['loss'])}" if ours else "loss of another process not finite"
            self._clips = (batch.video, batch.frame_index) if ours else None
            error = self._not_a_number(trainer, pl_module, what)
            if ours and not trainer.is_global_zero:
                print(error, file=sys.stderr, flush=True)  # the first process, which does not know the clips, ends it
            raise DataError(error)
        self._clips = batch.video, batch.frame_index  # not the batch, whose pixels would stay
        if batch_idx + 1 == trainer.num_training_batches:
            self._before_validation = trainer.global_step, copy.deepcopy(trainer.fit_loop.state_dict())
        if trainer.strategy.reduce_boolean_decision(self._stops.first is not None or self._warned, all=False):
            self._save(trainer, pl_module)
            self._stop_or_requeue(trainer, pl_module)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        step, _loops = self._before_validation
        if self._stops.first is not None and trainer.world_size == 1 and step == trainer.global_step:
            self._saves_before_validation = True
            self._save(trainer, trainer.lightning_module)
            self._end(trainer, trainer.lightning_module, self._stops.first)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._save(trainer, pl_module)
        if trainer.strategy.reduce_boolean_decision(self._stops.first is not None or self._warned, all=False):
            self._stop_or_requeue(trainer, pl_module)  # it came during the validation of this epoch

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._saves_before_validation:
            # Lightning would go on in the middle of the validation, and its figures would lack the first frames.
            checkpoint["loops"]["fit_loop"] = self._before_validation[1]

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._restore_signals()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._restore_signals()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        second = self._stops.first is not None
        if not self._stops.told_twice(number) and second:
            self._restore_signals()
            # Not KeyboardInterrupt: Lightning would make exit code 1 of it.
            raise Interrupted(f"ended at once by a second {signal.Signals(number).name}", signal_number=number)

    def _warn(self, number: int, frame: FrameType | None) -> None:
        self._warned = True

    def _stop_or_requeue(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """All processes stop where one of them was told to; else one of them was warned."""
        if trainer.strategy.reduce_boolean_decision(self._stops.first is not None, all=False):
            self._end(trainer, pl_module, self._stops.first or signal.SIGTERM)
        self._warned = False
        if trainer.is_global_zero:
            trainer.print(f"warned by SIGUSR1: {self.paths.last_checkpoint(_name(pl_module))} is written; {requeue()}")

    def _end(self, trainer: L.Trainer, pl_module: L.LightningModule, number: int) -> None:
        self._restore_signals()
        raise Interrupted(
            f"stopped by {signal.Signals(number).name} after step {trainer.global_step}; "
            f"the checkpoint is {self.paths.last_checkpoint(_name(pl_module))}: go on with --resume auto",
            signal_number=number,
        )

    def _restore_signals(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _not_a_number(self, trainer: L.Trainer, pl_module: L.LightningModule, what: str) -> str:
        last = self.paths.last_checkpoint(_name(pl_module))
        before = f"the checkpoint before is {last}" if last.is_file() else "there is no checkpoint yet"
        clips = ""
        if self._clips is not None:
            ids = zip(self._clips[0], self._clips[1].tolist(), strict=True)
            clips = f", of the clips {', '.join(f'{video} {frame}' for video, frame in ids)}"
        return (
            f"{what} in step {trainer.global_step}, epoch {trainer.current_epoch}{clips}: the training ends; {before}. "
            f"Lower {_name(pl_module)}.learning_rate, or give trainer.precision 32-true, with --resume force"
        )

    def _save(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        broken = [name for name, value in pl_module.state_dict().items() if not torch.isfinite(value).all()]
        if broken:
            raise DataError(self._not_a_number(trainer, pl_module, f"weights {broken[0]} not finite"))
        last = self.paths.last_checkpoint(_name(pl_module))
        if not trainer.is_global_zero:
            trainer.save_checkpoint(last)  # writes nothing, but all ranks meet there
            return
        with atomic_path(last) as partial:
            trainer.save_checkpoint(partial)
            make_way(last, sha256(partial))


def _name(pl_module: L.LightningModule) -> str:
    assert isinstance(pl_module, Stage)
    return pl_module.name
