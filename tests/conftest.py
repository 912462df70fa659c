import faulthandler
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import settings
from squares import write_config, write_squares

import aed_lightning  # noqa: F401  first, so that the torchvision guard is in place before torch's companions

# A shell that runs the tests in the background has Ctrl-C ignored, and every program that they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing on a busy machine.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Set pytest's timer for what hangs again: a failure has ended it, and the fixtures are still to be torn down."""
    if isinstance(node, pytest.Item) and (seconds := float(node.config.getini("faulthandler_timeout") or 0)) > 0:
        file = node.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)


@dataclass(frozen=True)
class Squares:
    root: Path
    store: Path
    config: Path


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Squares:
    folder = tmp_path_factory.mktemp("squares")
    root = write_squares(folder / "download")
    return Squares(root, folder / "store", write_config(folder / "squares.yaml", root, folder / "store"))
