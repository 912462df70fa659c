import os
import signal
from collections.abc import Iterator

import lightning.pytorch as L
import pytest
from batches import random_batch
from torch.utils.data import DataLoader

from aed_lightning.callbacks import OwnSignals
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.stages import TeacherOptions, TeacherStage


class Stopped(BaseException):
    pass


@pytest.fixture
def handlers() -> Iterator[None]:
    """Handlers of the program, as a verb sets them."""

    def stop(number: int, frame: object) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Signalled(L.Callback):
    """Sends a signal in the first batch of the training, the validation, the test or the prediction."""

    def __init__(self, number: int) -> None:
        self.number = number

    def _send(self, *_: object) -> None:
        os.kill(os.getpid(), self.number)

    on_train_batch_start = on_validation_batch_start = on_test_batch_start = on_predict_batch_start = _send


class Handlers(L.Callback):
    """Notes what handles a signal in the first batch of the training, the validation, the test or the prediction."""

    def __init__(self, number: int) -> None:
        self.number, self.found = number, []

    def _look(self, *_: object) -> None:
        self.found.append(signal.getsignal(self.number))

    on_train_batch_start = on_validation_batch_start = on_test_batch_start = on_predict_batch_start = _look


def run(verb: str, callback: L.Callback) -> None:
    trainer = L.Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[OwnSignals(), callback],
    )  # fmt: skip
    network = AutoEncoder((32, 64), 8, encoder_dim=16, decoder_dim=16, heads=2)
    stage = TeacherStage(network, DefaultRule(), TeacherOptions())
    getattr(trainer, verb)(stage, DataLoader([random_batch()], batch_size=None))


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*have no `val_dataloader`")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_signal_is_handled_by_the_program_at_once_in_every_verb(
    handlers, verb: str, number: signal.Signals, monkeypatch
):
    monkeypatch.setenv("SLURM_NTASKS", "1")  # where Lightning would write a checkpoint on SIGUSR1
    with pytest.raises(Stopped):
        run(verb, Signalled(number))


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*have no `val_dataloader`")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_on_slurm_too_lightning_handles_no_signal_in_any_verb(verb: str, number: signal.Signals, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "1")  # where Lightning would start the job again by itself
    before = signal.signal(number, signal.SIG_DFL)  # it leaves SIGUSR1 alone where something handles it
    try:
        handlers = Handlers(number)
        run(verb, handlers)
    finally:
        signal.signal(number, before)
    assert handlers.found == [signal.SIG_DFL]
