import copy
import hashlib
import os
import signal
from pathlib import Path
from unittest.mock import Mock

import lightning.pytorch as L
import pytest
import torch

from aed_lightning.callbacks import StageCheckpoints
from aed_lightning.core import DataError, Interrupted, RunPaths
from aed_lightning.core.checksums import sha256
from aed_lightning.core.clip import Batch
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.stages import StageOptions, TeacherStage

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
FINITE = {"loss": torch.tensor(0.5)}
BATCH = Mock(spec=Batch, video=("a", "b"), frame_index=torch.tensor([3, 4]))


@pytest.fixture(scope="module")
def stage() -> TeacherStage:
    return TeacherStage(
        AutoEncoder((16, 16), 8, encoder_dim=16, decoder_dim=16, heads=2), DefaultRule(), StageOptions()
    )


def trainer_that_writes(content: bytes, fails: bool = False, first: bool = True) -> Mock:
    def save(path: Path) -> None:
        if fails:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    strategy = Mock(reduce_boolean_decision=lambda decision, all: decision)
    return Mock(spec=L.Trainer, save_checkpoint=save, is_global_zero=first, global_step=7, strategy=strategy)


@pytest.fixture
def checkpoints(tmp_path: Path):
    callback = StageCheckpoints(RunPaths(tmp_path))
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    yield callback
    for number, handler in handlers.items():
        signal.signal(number, handler)


def folder(checkpoints: StageCheckpoints) -> Path:
    return checkpoints.paths.checkpoints("teacher")


def test_the_sum_beside_the_checkpoint_is_right(checkpoints: StageCheckpoints, stage: TeacherStage):
    checkpoints.on_train_epoch_end(trainer_that_writes(b"a" * 3_000_000), stage)
    file = folder(checkpoints) / "last.ckpt"
    digest = hashlib.sha256(b"a" * 3_000_000).hexdigest()
    assert (folder(checkpoints) / "last.ckpt.sha256").read_text() == f"{digest}  last.ckpt\n"
    assert sha256(file) == digest


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_and_no_rest(
    checkpoints: StageCheckpoints, stage: TeacherStage
):
    checkpoints.on_train_epoch_end(trainer_that_writes(b"old one"), stage)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.on_train_epoch_end(trainer_that_writes(b"new and torn", fails=True), stage)
    assert sorted(file.name for file in folder(checkpoints).iterdir()) == ["last.ckpt", "last.ckpt.sha256"]
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"old one"
    assert sha256(folder(checkpoints) / "last.ckpt") in (folder(checkpoints) / "last.ckpt.sha256").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_epoch_end"])
def test_a_signal_waits_for_the_step_or_the_epoch_then_saves_and_ends(
    checkpoints: StageCheckpoints, stage: TeacherStage, number: signal.Signals, code: int, hook: str
):
    trainer = trainer_that_writes(b"weights")
    checkpoints.on_train_start(trainer, stage)
    checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
    assert not folder(checkpoints).exists()
    os.kill(os.getpid(), number)
    with pytest.raises(Interrupted, match=rf"{number.name} after step 7; .*last.ckpt: go on with --resume auto") as end:
        getattr(checkpoints, hook)(trainer, stage, *((FINITE, BATCH, 0) if hook == "on_train_batch_end" else ()))
    assert end.value.exit_code == code
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"weights"


def test_a_second_signal_ends_at_once_without_another_checkpoint(checkpoints: StageCheckpoints, stage: TeacherStage):
    before = signal.getsignal(signal.SIGTERM)
    checkpoints.on_train_start(trainer_that_writes(b"weights"), stage)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted, match="second SIGTERM") as end:
        os.kill(os.getpid(), signal.SIGTERM)
    assert end.value.exit_code == 143
    assert not folder(checkpoints).exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_scheduler_that_says_sigterm_twice_gets_the_checkpoint_all_the_same(
    checkpoints: StageCheckpoints, stage: TeacherStage
):
    trainer = trainer_that_writes(b"weights")
    checkpoints.on_train_start(trainer, stage)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted, match="SIGTERM after step 7"):
        checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"weights"


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_epoch_end"])
def test_a_warning_writes_a_checkpoint_asks_the_scheduler_once_and_ends_nothing(
    checkpoints: StageCheckpoints, stage: TeacherStage, monkeypatch, hook: str
):
    asked = Mock(return_value="asked")
    monkeypatch.setattr("aed_lightning.callbacks.checkpoints.requeue", asked)
    trainer = trainer_that_writes(b"weights")
    checkpoints.on_train_start(trainer, stage)
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(2):
        arguments = (FINITE, BATCH, 0) if hook == "on_train_batch_end" else ()
        getattr(checkpoints, hook)(trainer, stage, *arguments)
    assert asked.call_count == 1
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"weights"
    assert "warned by SIGUSR1" in trainer.print.call_args.args[0]


def test_a_training_that_is_warned_and_told_to_stop_leaves_the_restart_to_who_told_it(
    checkpoints: StageCheckpoints, stage: TeacherStage, monkeypatch
):
    asked = Mock(return_value="asked")
    monkeypatch.setattr("aed_lightning.callbacks.checkpoints.requeue", asked)
    trainer = trainer_that_writes(b"weights")
    checkpoints.on_train_start(trainer, stage)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        os.kill(os.getpid(), number)
    with pytest.raises(Interrupted, match="SIGTERM after step 7"):
        checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
    assert asked.call_count == 0


@pytest.mark.parametrize("hook", ["on_train_end", "on_exception"])
def test_the_handlers_of_before_come_back(checkpoints: StageCheckpoints, stage: TeacherStage, hook: str):
    before = [signal.getsignal(number) for number in HANDLED]
    checkpoints.on_train_start(trainer_that_writes(b"weights"), stage)
    assert signal.getsignal(signal.SIGINT) != before[0]
    getattr(checkpoints, hook)(
        trainer_that_writes(b"weights"), stage, *([ValueError()] if hook == "on_exception" else [])
    )
    assert [signal.getsignal(number) for number in HANDLED] == before


def test_only_the_first_rank_writes_and_all_of_them_meet(checkpoints: StageCheckpoints, stage: TeacherStage):
    trainer = trainer_that_writes(b"", first=False)
    trainer.save_checkpoint = Mock()
    checkpoints.on_train_epoch_end(trainer, stage)
    assert trainer.save_checkpoint.call_count == 1
    assert not folder(checkpoints).exists()


def test_a_rank_stops_where_another_got_the_signal(checkpoints: StageCheckpoints, stage: TeacherStage):
    trainer = trainer_that_writes(b"whole")
    elsewhere = iter([False, True, True])  # a bad loss; a signal or a warning; a signal
    trainer.strategy = Mock(reduce_boolean_decision=lambda decision, all: decision or next(elsewhere))
    with pytest.raises(Interrupted):
        checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"whole"


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_no_number_ends_the_training_with_the_step_and_its_clips(checkpoints, stage, value):
    trainer = trainer_that_writes(b"weights")
    trainer.current_epoch = 2
    checkpoints.on_train_epoch_end(trainer, stage)
    with pytest.raises(
        DataError, match=rf"loss {value} in step 7, epoch 2, of the clips a 3, b 4: .*before is .*last.ckpt"
    ):
        checkpoints.on_train_batch_end(trainer, stage, {"loss": torch.tensor(float(value))}, BATCH, 0)
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"weights"


def test_weights_that_are_no_numbers_are_never_saved(checkpoints, stage):
    trainer = trainer_that_writes(b"good")
    trainer.current_epoch = 2
    checkpoints.on_train_epoch_end(trainer, stage)
    checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
    broken = copy.deepcopy(stage)
    with torch.no_grad():
        next(broken.parameters()).view(-1)[0] = float("nan")
    with pytest.raises(DataError, match=r"weights \S+ not finite in step 7, epoch 2, of the clips a 3, b 4"):
        checkpoints.on_train_epoch_end(trainer, broken)
    assert (folder(checkpoints) / "last.ckpt").read_bytes() == b"good"


def test_a_rank_that_is_not_the_first_says_itself_which_clips_had_a_bad_loss(checkpoints, stage, capsys):
    trainer = trainer_that_writes(b"whole")
    trainer.current_epoch, trainer.is_global_zero = 2, False
    with pytest.raises(DataError, match=r"of the clips a 3, b 4") as error:
        checkpoints.on_train_batch_end(trainer, stage, {"loss": torch.tensor(float("inf"))}, BATCH, 0)
    assert str(error.value) in capsys.readouterr().err


def test_a_rank_ends_where_another_met_a_bad_loss(checkpoints: StageCheckpoints, stage: TeacherStage):
    trainer = trainer_that_writes(b"whole")
    trainer.current_epoch = 2
    trainer.strategy = Mock(reduce_boolean_decision=lambda decision, all: True)
    with pytest.raises(DataError, match=r"loss of another process not finite in step 7, epoch 2: .*no checkpoint"):
        checkpoints.on_train_batch_end(trainer, stage, FINITE, BATCH, 0)
