"""Faults in the n-th of the calls that write to a file of `Path.open`, copy one, sync, or change a name."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CALLS: tuple[tuple[Any, str], ...] = (
    (shutil, "copyfile"), (os, "replace"), (os, "link"), (os, "fsync"), (os, "unlink"),
)  # fmt: skip


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs but what the system does."""


def faulty(
    number: int, error: int | None, patch: pytest.MonkeyPatch, work: Callable[[], object]
) -> tuple[bool, BaseException | None]:
    """Run `work`, of which the call `number` fails: whether there was such a call, and how `work` ended.

    error: number of the OSError of that one call, or none where the process ends there. What writes has written half.
    """
    left = number

    def failing(real: Callable) -> Callable:
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            if left >= 0 or (left < -1 and error is not None):
                return real(*arguments, **options)
            if left == -1:
                _half(real, *arguments)
            raise Killed if error is None else OSError(error, os.strerror(error))

        return call

    real_open = Path.open

    def opened(path: Path, mode: str = "r", *arguments, **options):
        stream = real_open(path, mode, *arguments, **options)
        return _Stream(stream, failing(stream.write)) if mode.startswith("w") else stream

    with patch.context() as patched:
        patched.setattr(Path, "open", opened)
        for owner, name in CALLS:
            patched.setattr(owner, name, failing(getattr(owner, name)))
        try:
            work()
        except (Killed, OSError) as end:
            return left < 0, end
    return left < 0, None


def _half(real: Callable, *arguments: Any) -> None:
    if real.__name__ == "write":
        content = arguments[0]
        real(content[: len(content) // 2])
    elif real.__name__ == "copyfile":
        source, target = map(Path, arguments)
        with open(target, "wb") as file:  # that of Path is counted
            file.write(source.read_bytes()[: source.stat().st_size // 2])


class _Stream:
    """An open file with another `write`."""

    def __init__(self, stream: Any, write: Callable) -> None:
        self._stream, self.write = stream, write

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
