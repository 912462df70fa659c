"""Real processes that real signals end, at moments that nobody chose."""

import io
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import waiting
from equal_weights import same_weights
from forker import Forker
from PIL import Image
from safetensors.torch import load_file

from aed_lightning.core.checksums import newest_good

MEMORY = Path("/dev/shm")
slow = pytest.mark.slow
until = partial(waiting.until, seconds=600, every=0.001)  # a file that is being written is there for a moment


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker() as parent:
        yield parent


@pytest.fixture(scope="module")
def fit(squares) -> Callable[..., list[object]]:
    def arguments(run_dir: Path, *more: object, teacher_epochs: int = 2) -> list[object]:
        options = ("--teacher.epochs", teacher_epochs, "--teacher.schedule", "cosine", "--evaluate", "false")
        return ["fit", "--config", squares.config, "--run_dir", run_dir, *options, *more]

    return arguments


@pytest.fixture(scope="module")
def undisturbed(forker, fit, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A whole run, and how many seconds it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert forker.run(fit(folder / "store-is-prepared"), folder / "log") == 0, (folder / "log").read_text()
    began = time.monotonic()
    assert forker.run(fit(folder / "run"), folder / "log") == 0
    return folder / "run", time.monotonic() - began


def seen(log: Path, text: str) -> None:
    """Wait until a command has said `text`."""
    until(lambda: log.exists() and text in log.read_text(), f"{log} says {text}")


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=slow)])
def test_a_training_killed_anywhere_goes_on_to_the_weights_of_an_undisturbed_one(
    forker, fit, undisturbed, tmp_path: Path, kills: int
):
    whole, seconds = undisturbed
    random = np.random.default_rng(kills)
    interrupted = 0
    for number in range(kills):
        run, log = tmp_path / f"run-{number}", tmp_path / f"log-{number}"
        process = forker.start(fit(run), log)
        time.sleep(random.uniform(0.0, seconds))
        os.kill(process, signal.SIGKILL)
        interrupted += forker.wait(process) == -signal.SIGKILL
        assert forker.run(fit(run, "--resume", "auto"), log) == 0, log.read_text()
        assert same_weights(run, whole), log.read_text()
        shutil.rmtree(run)
    assert interrupted > kills / 2


@pytest.mark.skipif(not MEMORY.is_dir(), reason="no second file system at hand")
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=slow)])
def test_no_checkpoint_is_torn_by_a_kill_while_it_is_written(squares, tmp_path: Path, kills: int):
    assert MEMORY.stat().st_dev != tmp_path.stat().st_dev
    random = np.random.default_rng(kills)
    wide = ("--model.encoder_dim", 256, "--model.decoder_dim", 128, "--trainer.limit_train_batches", 1)
    often = ("--teacher.epochs", 1000, "--student.epochs", 0, "--evaluate", "false")
    torn, found = [], 0
    with Forker({"TMPDIR": str(MEMORY)}) as forker:
        for number in range(kills):
            run, log = tmp_path / f"run-{number}", tmp_path / f"log-{number}"
            folder = run / "checkpoints" / "teacher"
            process = forker.start(["fit", "--config", squares.config, "--run_dir", run, *wide, *often], log)
            seen(log, f"teacher epoch {2 + number % 2}/")
            until(lambda folder=folder: list(folder.glob(".last.ckpt.*")), "a checkpoint is written")
            time.sleep(random.uniform(0.0, 0.02))
            os.kill(process, signal.SIGKILL)
            assert forker.wait(process) == -signal.SIGKILL
            for file in folder.glob("*.ckpt"):
                found += 1
                try:
                    torch.load(file, weights_only=True)
                except Exception as error:
                    torn.append((file, error))
            assert newest_good(folder / "last.ckpt", lambda _: None) is not None
            shutil.rmtree(run)
    assert torn == []
    assert found >= kills


@pytest.mark.parametrize("stops", [2, pytest.param(20, marks=slow)])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_at_any_moment_of_the_training_leaves_a_checkpoint(
    forker, fit, tmp_path: Path, stops: int, number: signal.Signals, code: int
):
    random = np.random.default_rng(stops)
    for stop in range(stops):
        run, log = tmp_path / f"run-{stop}", tmp_path / f"log-{stop}"
        process = forker.start(fit(run, teacher_epochs=5000), log)
        seen(log, "teacher epoch 1/")
        time.sleep(random.uniform(0.0, 1.0))
        os.kill(process, number)
        assert forker.wait(process) == code, log.read_text()
        assert f"stopped by {number.name} after step" in log.read_text()
        last = run / "checkpoints/teacher/last.ckpt"
        assert newest_good(last, pytest.fail) == last
        shutil.rmtree(run)


def test_a_warning_of_a_scheduler_writes_a_checkpoint_and_the_training_goes_on(
    forker, fit, undisturbed, tmp_path: Path
):
    run, log = tmp_path / "run", tmp_path / "log"
    process = forker.start(fit(run), log)
    seen(log, "teacher epoch 1/")

    def warned() -> bool:
        os.kill(process, signal.SIGUSR1)  # again and again: between two stages nobody takes it
        time.sleep(0.02)
        return "warned by SIGUSR1" in log.read_text()

    until(warned, f"{log} says that it was warned")
    assert forker.wait(process) == 0, log.read_text()
    told = log.read_text()
    assert f"warned by SIGUSR1: {run}/checkpoints/" in told
    assert "no scheduler here: the training goes on" in told
    assert same_weights(run, undisturbed[0])


def assert_whole(file: Path) -> None:
    """Raise where `file` is cut short."""
    content = file.read_bytes()
    if file.suffix == ".json":
        json.loads(content)
    elif file.suffix == ".npz":
        with np.load(io.BytesIO(content)) as columns:
            assert len({len(columns[name]) for name in columns.files}) == 1
    elif file.suffix == ".png":
        Image.open(io.BytesIO(content)).load()
    elif file.suffix == ".safetensors":
        load_file(file)
    elif file.suffix == ".html":
        assert content.rstrip().endswith(b"</html>")
    elif file.suffix == ".yaml":
        assert content.endswith(b"\n")


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=slow)])
def test_results_that_a_kill_interrupts_are_whole_or_absent(forker, squares, trained: Path, tmp_path: Path, kills: int):
    evaluate = ["fit", "--config", squares.config, "--resume", "auto", "--run_dir"]
    report = ["report"]
    random = np.random.default_rng(kills)
    shutil.copytree(trained, tmp_path / "whole")
    began = time.monotonic()
    assert forker.run([*evaluate, tmp_path / "whole"], tmp_path / "log") == 0, (tmp_path / "log").read_text()
    halfway = time.monotonic()
    assert forker.run([*report, tmp_path / "whole"], tmp_path / "log") == 0, (tmp_path / "log").read_text()
    seconds = {True: halfway - began, False: time.monotonic() - halfway}
    for number in range(kills):
        run = tmp_path / f"run-{number}"
        shutil.copytree(trained, run)
        evaluates = number % 3 != 2
        process = forker.start([*(evaluate if evaluates else report), run], tmp_path / f"log-{number}")
        time.sleep(random.uniform(0.3, 1.0) * seconds[evaluates])
        os.kill(process, signal.SIGKILL)
        forker.wait(process)
        for file in run.rglob("*"):
            if file.is_file() and not file.name.startswith("."):
                assert_whole(file)
        assert forker.run([*evaluate, run], tmp_path / f"log-{number}") == 0
        shutil.rmtree(run)
