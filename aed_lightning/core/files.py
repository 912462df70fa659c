"""Files that are whole or absent."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PARTIAL_FILES = ".*.partial"
"""What `atomic_path` leaves behind where its process was killed."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; on success it becomes `path`, on any error it is removed.

    Written data reach the disk before the rename, and the rename before this returns. A full disk names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        _sync(partial)
        os.replace(partial, path)
        _sync(path.parent)
    except OSError as error:
        if type(error) is OSError and error.filename is None:  # what fails while it writes knows no name
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; NaN and infinity are refused, since no other program reads them."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
