"""`fit` in two processes: one run, the figures of one process, and an end for all when one of them ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from equal_weights import same_weights
from refusals import assert_refused
from squares import write_config, write_squares, write_video
from waiting import end_all, rescued

from aed_lightning.core.checksums import newest_good
from aed_lightning.model.weights import read_checkpoint

ROOT = Path(__file__).parents[2]
FIT = ("-m", "aed_lightning", "fit")
TWO = ("--trainer.devices", "2", "--trainer.strategy", "ddp")
OF_THE_RUN = ("command", "commit", "seconds", "localization", "threads")
"""What metrics.json says of the machine and of one process alone."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training and test frames that two processes cannot share evenly."""
    folder = tmp_path_factory.mktemp("odd")
    root = write_squares(folder / "download")
    write_video(root / "train" / "walk9.avi", list(range(15)), top=20)
    write_video(root / "test" / "short.avi", list(range(9)), top=20)
    np.save(root / "labels" / "frames" / "short.npy", np.repeat([0, 1], [4, 5]).astype(np.uint8))
    return write_config(folder / "odd.yaml", root, folder / "store")


def started(*arguments: object, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *launcher, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the other process, which holds the same pipes, can be ended with it
    )


def ended(process: subprocess.Popen, seconds: float = 600) -> tuple[int, str, str]:
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        end_all(process)
        output, errors = "", "… and its pipes are still open"
        with suppress(subprocess.TimeoutExpired):
            output, errors = process.communicate(timeout=20)
        raise AssertionError(f"after {seconds:g} s there is no end of it: {output}{errors}") from error
    except BaseException:  # Ctrl-C does not reach another session
        end_all(process)
        raise
    return process.returncode, output, errors


@pytest.fixture(scope="module")
def together(config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A run by Lightning's own launcher, and what it said."""
    run = tmp_path_factory.mktemp("together") / "run"
    code, output, errors = ended(started(*FIT, "--config", config, "--run_dir", run, *TWO))
    assert code == 0, errors
    return run, output, errors


def test_one_process_writes_and_speaks(together):
    run, output, errors = together
    assert output.count("teacher epoch 1/1") == output.count("student epoch 1/1") == 1
    assert " ".join(output.split()).count("3 test videos, 51 frames") == 1
    assert sorted(folder.name for folder in (run / "logs").iterdir()) == ["student", "teacher"]
    assert list(run.rglob(".*.partial")) == []
    assert "Traceback" not in errors
    assert "error:" not in errors.lower()
    # 28 * 4 + 15 - a held-out video of 28 frames: 99 clips, of which each process takes 49, 8 a step
    card, _ = read_checkpoint(run / "checkpoints/teacher/last.ckpt")
    assert card["finished_epochs"] == 1
    assert "step=" not in errors


def test_the_evaluation_is_that_of_one_process(command, config: Path, together, tmp_path: Path):
    run, _, _ = together
    options = ("--weights", run, "--run_dir", tmp_path / "one")
    assert command("test", "--config", config, *options).code == 0
    ours, theirs = (json.loads((folder / "metrics.json").read_text()) for folder in (run, tmp_path / "one"))
    assert ours["frames"] == 51
    assert {key: value for key, value in ours.items() if key not in OF_THE_RUN} == {
        key: value for key, value in theirs.items() if key not in OF_THE_RUN
    }
    for name in ("short", "stop", "leap"):
        with np.load(run / f"scores/{name}.npz") as first, np.load(tmp_path / f"one/scores/{name}.npz") as second:
            assert all(np.array_equal(first[column], second[column]) for column in ("frame_index", "raw", "label"))


@pytest.mark.slow
def test_torchrun_trains_the_same_weights_and_verbs_that_evaluate_run_in_two_processes_too(
    config: Path, together, tmp_path: Path
):
    run, _, _ = together
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    launched = started(
        "-m", "aed_lightning", "fit", "--config", config, "--run_dir", tmp_path / "run", *TWO, launcher=torchrun
    )
    code, output, errors = ended(launched)
    assert code == 0, errors
    assert output.count("teacher epoch 1/1") == 1
    assert same_weights(tmp_path / "run", run)
    for verb in ("test", "validate", "predict"):
        options = ("--weights", run, "--run_dir", tmp_path / verb, *TWO)
        code, _, errors = ended(started("-m", "aed_lightning", verb, "--config", config, *options))
        assert code == 0, errors


@pytest.mark.slow
def test_torchrun_prepares_once_while_the_other_process_waits(config: Path, tmp_path: Path):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    options = ("--config", config, "--run_dir", tmp_path / "run", "--data.store", tmp_path / "store", *TWO)
    code, _, errors = ended(started(*FIT, *options, launcher=torchrun))
    assert code == 0, errors


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


@pytest.fixture
def training(config: Path, tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen, int]]]:
    """Starts a long training of two processes and waits until it is in its second epoch; the other process with it."""
    processes: list[subprocess.Popen] = []
    others: list[int] = []

    def start() -> tuple[subprocess.Popen, int]:
        long = ("--teacher.epochs", 5000, "--student.epochs", 0, "--evaluate", "false")
        process = started(*FIT, "--config", config, "--run_dir", tmp_path / "run", *TWO, *long)
        processes.append(process)
        with rescued(600, end_all, process):
            assert any("teacher epoch 1/" in line for line in process.stdout), process.stderr.read()
        (other,) = [child for child in children(process.pid) if b"aed_lightning" in cmdline(child)]
        others.append(other)
        return process, other

    yield start
    for process in processes:
        end_all(process)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
    for other in others:  # where it has left the session
        if b"aed_lightning" in cmdline(other):
            os.kill(other, signal.SIGKILL)


def cmdline(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def gone(process: int, seconds: float) -> bool:
    """Whether a process ends within this time."""
    deadline = time.monotonic() + seconds
    while cmdline(process) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not cmdline(process)


def assert_good_checkpoint(run: Path) -> None:
    last = run / "checkpoints/teacher/last.ckpt"
    found = newest_good(last, lambda _: None)
    assert found is not None
    card, _ = read_checkpoint(found)
    assert card["stage"] == "teacher"


@pytest.mark.parametrize("first", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["first", "other"])
def test_a_process_that_is_killed_takes_the_other_down(training, tmp_path: Path, first: bool):
    process, other = training()
    os.kill(process.pid if first else other, signal.SIGKILL)
    code, _, _ = ended(process)
    assert code != 0
    assert gone(other, 60)
    assert_good_checkpoint(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False], ids=["first", "other"])
def test_a_process_that_hangs_takes_the_other_down_within_a_minute(training, tmp_path: Path, first: bool):
    process, other = training()
    hanging = process.pid if first else other
    os.kill(hanging, signal.SIGSTOP)
    began = time.monotonic()
    if first:
        assert gone(other, 60), f"{time.monotonic() - began:.0f} s"
    else:
        code, _, errors = ended(process, 60)
        assert code != 0, errors
        assert gone(other, 10)
    assert_good_checkpoint(tmp_path / "run")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_to_the_first_process_stops_both_after_one_checkpoint(
    training, tmp_path: Path, number: signal.Signals
):
    process, other = training()
    process.send_signal(number)
    code, _, errors = ended(process)
    assert code == 128 + number, errors
    assert errors.count(f"stopped by {number.name} after step") == 1
    assert gone(other, 60)
    assert_good_checkpoint(tmp_path / "run")


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--trainer.devices", 4096, "trainer.devices 4096: this machine has"),
        ("--trainer.sync_batchnorm", True, "trainer.sync_batchnorm: PyTorch has it for GPUs only"),
        ("--scoring", "PaperRule", "filters over time: evaluate it on one process"),
    ],
)
def test_what_several_processes_cannot_do_is_refused_before_anything_starts(
    command, config: Path, tmp_path: Path, option: str, value: object, part: str
):
    store = tmp_path / "store"
    options = ("--config", config, "--data.store", store, "--run_dir", tmp_path / "run", *TWO)
    assert_refused(command("fit", *options, option, value), 2, part)
    assert not store.exists()
    assert not (tmp_path / "run").exists()


def test_a_launcher_that_started_another_number_is_refused(command, config: Path, tmp_path: Path, monkeypatch):
    for key, value in {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 3, "GROUP_RANK": 0, "LOCAL_WORLD_SIZE": 3}.items():
        monkeypatch.setenv(key, str(value))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert_refused(
        command("fit", "--config", config, "--run_dir", tmp_path / "run", *TWO), 2, "does not match the world size (3)"
    )
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
