import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from equal_weights import same_weights
from refusals import assert_refused
from waiting import rescued

from aed_lightning.core import Interrupted
from aed_lightning.core.checksums import newest_good
from aed_lightning.data.lock import locked
from aed_lightning.model.weights import load_weights, read_checkpoint
from aed_lightning.stages import StudentStage, TeacherStage
from aed_lightning.stages.stage import Stage

EPOCHS = 2
STEPS = 11


class Watch:
    """Notes every training clip, and sends a signal in the given training step or validation batch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple] = []
        self.validated = 0
        self.stop_at: tuple[str, int] | None = None
        for stage in (TeacherStage, StudentStage):
            monkeypatch.setattr(stage, "training_step", self._training(stage.name, stage.training_step))
        monkeypatch.setattr(Stage, "validation_step", self._validation(Stage.validation_step))

    def _training(self, name: str, step):
        def watched(stage, batch, index):
            ids = zip(batch.epoch.tolist(), batch.video, batch.frame_index.tolist(), strict=True)
            self.seen.append((name, *ids))
            self._stop("step", len(self.seen))
            return step(stage, batch, index)

        return watched

    def _validation(self, step):
        def watched(stage, batch, index):
            self.validated += 1
            self._stop("validation", self.validated)
            return step(stage, batch, index)

        return watched

    def _stop(self, kind: str, number: int) -> None:
        if self.stop_at == (kind, number):
            self.stop_at = None
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def fit(command, squares, run_dir: Path, *arguments: object):
    options = ("--teacher.epochs", EPOCHS, "--teacher.schedule", "cosine", "--evaluate", "false")
    return command("fit", "--config", squares.config, "--run_dir", run_dir, *options, *arguments)


@pytest.fixture(scope="module")
def undisturbed(command, squares, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple]]:
    run_dir = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        watch = Watch(monkeypatch)
        assert fit(command, squares, run_dir).code == 0
    assert len(watch.seen) == STEPS * (EPOCHS + 1)
    return run_dir, watch.seen


@pytest.mark.parametrize(
    "stop_at",
    [
        pytest.param(("step", 6), id="mid-epoch"),
        pytest.param(("step", STEPS), id="last step of an epoch"),
        pytest.param(("step", EPOCHS * STEPS), id="last step of the teacher"),
        pytest.param(("step", EPOCHS * STEPS + 3), id="student"),
        pytest.param(("validation", 2), id="validation after an epoch"),
        pytest.param(("validation", 9), id="validation between the stages"),
    ],
)
def test_a_stopped_and_resumed_training_ends_with_the_bits_of_an_undisturbed_one(
    command, squares, undisturbed, watch: Watch, tmp_path: Path, stop_at: tuple[str, int]
):
    whole, seen = undisturbed
    watch.stop_at = stop_at
    stopped = fit(command, squares, tmp_path)
    assert stopped.code == 143
    assert "stopped by SIGTERM" in stopped.errors
    assert len(watch.seen) < len(seen)
    assert fit(command, squares, tmp_path, "--resume", "auto").code == 0
    assert watch.seen == seen
    assert same_weights(tmp_path, whole)


def test_a_training_of_part_epochs_goes_on_where_it_was(command, squares, watch: Watch, tmp_path: Path):
    part = ("--trainer.limit_train_batches", 4, "--trainer.log_every_n_steps", 1)
    assert fit(command, squares, tmp_path / "whole", *part).code == 0
    seen = list(watch.seen)
    watch.seen.clear()
    watch.validated, watch.stop_at = 0, ("validation", 3)
    assert fit(command, squares, tmp_path / "parts", *part).code == 143
    assert fit(command, squares, tmp_path / "parts", *part, "--resume", "auto").code == 0
    assert watch.seen == seen
    assert same_weights(tmp_path / "parts", tmp_path / "whole")


def test_resuming_a_finished_run_trains_nothing_and_changes_no_checkpoint(
    command, squares, trained: Path, tmp_path: Path, watch: Watch
):
    arguments = ("fit", "--config", squares.config, "--run_dir", tmp_path)
    assert command(*arguments).code == 0
    files = [*tmp_path.glob("checkpoints/*/*"), tmp_path / "model.safetensors"]
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files if file.suffix != ".safetensors"}
    watch.seen.clear()
    assert command(*arguments, "--resume", "auto").code == 0
    assert watch.seen == []
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before} == before
    assert same_weights(tmp_path, trained)


def test_resuming_where_there_is_nothing_starts_anew_and_says_so(command, squares, undisturbed, tmp_path: Path):
    outcome = fit(command, squares, tmp_path / "run", "--resume", "auto")
    assert outcome.code == 0
    assert f"nothing to resume in {tmp_path / 'run'}: starting anew" in outcome.output
    assert same_weights(tmp_path / "run", undisturbed[0])


def test_resuming_with_another_configuration_is_refused_with_the_differences_and_can_be_forced(
    command, squares, trained: Path, tmp_path: Path
):
    shutil.copytree(trained, tmp_path / "run")
    changed = ("fit", "--config", squares.config, "--run_dir", tmp_path / "run", "--data.augmentation_percentage", 10)
    outcome = command(*changed, "--resume", "auto")
    assert outcome.code == 2
    assert "data.augmentation_percentage 50.0 (now 10.0)" in outcome.errors
    assert "seed" not in outcome.errors
    assert command(*changed, "--resume", "force").code == 0


def test_a_run_may_move_its_data_and_change_its_workers_and_scores_when_it_goes_on(
    command, squares, trained: Path, tmp_path: Path
):
    shutil.copytree(trained, tmp_path / "run")
    shutil.copytree(squares.root, tmp_path / "data")
    moved = ("--data.root", tmp_path / "data", "--data.store", tmp_path / "store", "--smoothing.sigma", 2)
    outcome = command("fit", "--config", squares.config, "--run_dir", tmp_path / "run", *moved, "--resume", "auto")
    assert outcome.code == 0


def test_a_teacher_that_trains_on_gets_a_new_student(command, squares, trained: Path, tmp_path: Path):
    shutil.copytree(trained, tmp_path / "run")
    arguments = ("fit", "--config", squares.config, "--run_dir", tmp_path / "run", "--resume", "force")
    outcome = command(*arguments, "--teacher.epochs", 2)
    assert outcome.code == 0
    assert "the student starts anew" in outcome.output
    _, teacher = read_checkpoint(tmp_path / "run/checkpoints/teacher/last.ckpt")
    network, card = load_weights(tmp_path / "run")
    assert card["stage"] == "student"
    final = network.state_dict()
    assert all(
        torch.equal(final[name], teacher[name]) for name in teacher if not name.startswith(("student.", "levels."))
    )
    assert "starts anew" not in command(*arguments, "--teacher.epochs", 2).output


def test_a_student_is_not_trained_beside_an_unfinished_teacher(command, squares, watch: Watch, tmp_path: Path):
    watch.stop_at = ("step", STEPS + 2)
    assert fit(command, squares, tmp_path, "--stages", "teacher").code == 143
    outcome = fit(command, squares, tmp_path, "--stages", "student")
    assert outcome.code == 1
    assert "a teacher that stopped after 1 of 2 epochs" in outcome.errors


def test_a_second_signal_ends_the_training_at_once(command, squares, monkeypatch, tmp_path: Path):
    def step(stage, batch, index):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second signal did not end the training")

    monkeypatch.setattr(TeacherStage, "training_step", step)
    outcome = fit(command, squares, tmp_path)
    assert outcome.code == Interrupted("", signal_number=signal.SIGINT).exit_code == 130
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_evaluation_ends_it_with_its_exit_code(
    command, squares, trained: Path, monkeypatch, tmp_path: Path, number: signal.Signals, code: int
):
    def interrupted(stage, batch, index):
        os.kill(os.getpid(), number)
        raise AssertionError("the signal did not end the evaluation")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Stage, "test_step", interrupted)
    evaluated = command("test", "--config", squares.config, "--weights", trained, "--run_dir", tmp_path / "test")
    signal.signal(signal.SIGINT, before)
    shutil.copytree(trained, tmp_path / "run")
    fitted = command("fit", "--config", squares.config, "--run_dir", tmp_path / "run", "--resume", "auto")
    signal.signal(signal.SIGINT, before)
    assert (evaluated.code, fitted.code) == (code, code)
    assert f"stopped by {number.name}; go on with --resume auto" in fitted.errors
    assert not (tmp_path / "test" / "metrics.json").exists()
    monkeypatch.undo()
    assert command("test", "--config", squares.config, "--weights", trained, "--run_dir", tmp_path / "test").code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_a_real_process_leaves_a_checkpoint_that_goes_on(
    command, squares, tmp_path: Path, number: signal.Signals, code: int
):
    arguments = ("fit", "--config", squares.config, "--evaluate", "false", "--student.epochs", 0, "--teacher.epochs")
    process = subprocess.Popen(
        [sys.executable, "-m", "aed_lightning", *map(str, arguments), "5000", "--run_dir", str(tmp_path / "run")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with rescued(600, process.kill):
            assert any("teacher epoch 2/" in line for line in process.stdout)
        process.send_signal(number)
        _, errors = process.communicate(timeout=600)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert f"stopped by {number.name} after step" in errors
    assert "go on with --resume auto" in errors

    _, card = load_weights(tmp_path / "run/checkpoints/teacher/last.ckpt")
    epochs = card["epoch"] + 3
    assert command(*arguments, epochs, "--run_dir", tmp_path / "run", "--resume", "force").code == 0
    assert command(*arguments, epochs, "--run_dir", tmp_path / "whole").code == 0
    assert same_weights(tmp_path / "run", tmp_path / "whole")


def test_a_damaged_checkpoint_is_found_and_the_one_before_goes_on_to_the_same_weights(
    command, squares, undisturbed, tmp_path: Path
):
    whole, _ = undisturbed
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    last = run / "checkpoints/teacher/last.ckpt"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    outcome = fit(command, squares, run, "--resume", "auto")
    assert outcome.code == 0, outcome.errors
    told = outcome.output.replace("\n", "")
    assert f"{last}: damaged" in told
    assert f"going on from {last.with_name('previous.ckpt')}" in told
    assert same_weights(run, whole)


def test_a_disk_that_is_full_when_a_checkpoint_is_written_is_one_error_and_the_old_one_stays(
    command, squares, tmp_path: Path
):
    arguments = ("--run_dir", tmp_path / "run", "--stages", "teacher", "--evaluate", "false")
    assert command("fit", "--config", squares.config, *arguments).code == 0
    last = tmp_path / "run/checkpoints/teacher/last.ckpt"
    before = last.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        outcome = command("fit", "--config", squares.config, *arguments, "--teacher.epochs", 2, "--resume", "force")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_refused(outcome, 1, f"{last}: File too large")
    assert last.read_bytes() == before
    assert newest_good(last, pytest.fail) == last
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_a_previous_checkpoint_alone_is_a_training_too(command, squares, undisturbed, tmp_path: Path):
    shutil.copytree(undisturbed[0], tmp_path / "run")
    for stage in ("teacher", "student"):
        (tmp_path / "run" / "checkpoints" / stage / "last.ckpt").unlink()
    outcome = fit(command, squares, tmp_path / "run")
    assert outcome.code == 2
    assert "holds a training already" in outcome.errors


def test_a_run_directory_in_use_is_refused_with_its_holder(command, squares, tmp_path: Path):
    with locked(tmp_path / "run", 0.0, print, being="trained"):
        outcome = fit(command, squares, tmp_path / "run")
    assert outcome.code == 1
    assert f"{tmp_path}/run is being trained by process {os.getpid()} on " in outcome.errors
    assert " since 20" in outcome.errors
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert fit(command, squares, tmp_path / "run").code == 0  # a holder that is gone holds nothing


def test_going_on_in_another_number_of_processes_is_refused(command, squares, watch: Watch, tmp_path: Path):
    watch.stop_at = ("step", 3)
    assert fit(command, squares, tmp_path / "run").code == 143
    two = ("--trainer.devices", 2, "--trainer.strategy", "ddp", "--resume", "auto")
    assert_refused(fit(command, squares, tmp_path / "run", *two), 2, "of a training in 1 processes (now 2)")
    (tmp_path / "run/config.yaml").unlink()
    assert_refused(fit(command, squares, tmp_path / "run", "--resume", "auto"), 2, "config.yaml: missing, so that")


def test_a_training_that_diverges_keeps_its_checkpoint(command, squares, trained: Path, tmp_path: Path):
    shutil.copytree(trained, tmp_path / "run")
    last = tmp_path / "run/checkpoints/teacher/last.ckpt"
    before = last.read_bytes()
    further = ("--teacher.epochs", 3, "--teacher.learning_rate", 1e30, "--resume", "force")
    outcome = fit(command, squares, tmp_path / "run", *further)
    assert_refused(outcome, 1, "the training ends; the checkpoint before is ")
    assert last.read_bytes() == before
