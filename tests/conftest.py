import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from squares import write_config, write_squares

import aed_lightning  # noqa: F401  first, so that the torchvision guard is in place before torch's companions

# A shell that runs the tests in the background has Ctrl-C ignored, and every program that they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
