"""The signal handlers of the program stay its own."""

import signal
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.trainer.states import TrainerFn


class OwnSignals(L.Callback):
    """Puts back the handlers that Lightning replaces when a trainer starts.

    Its own take note of SIGTERM and look at it between training steps only, so that an evaluation would go on; among
    several processes they exchange data within the handler; and on SLURM they write a checkpoint of their own in the
    middle of a step.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._put_back()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != TrainerFn.FITTING:  # there it is what the training has set
            self._put_back()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._put_back()

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
