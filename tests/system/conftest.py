import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from aed_lightning.__main__ import main


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str
    errors: str


def run_command(*arguments: object) -> Outcome:
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, output.getvalue(), errors.getvalue())


@pytest.fixture(scope="session")
def command() -> Callable[..., Outcome]:
    return run_command


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def trained(squares, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """The run directory of one whole `fit`."""
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    outcome = run_command("fit", "--config", squares.config, "--run_dir", run_dir)
    assert outcome.code == 0, outcome
    (run_dir.parent / "output.txt").write_text(outcome.output)
    return run_dir
