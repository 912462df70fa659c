"""Faults in the n-th of the calls that write small files, copy, sync, or change a name; not in writes to open files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CALLS: tuple[tuple[Any, str], ...] = (
    (Path, "write_bytes"), (Path, "write_text"), (shutil, "copyfile"),
    (os, "replace"), (os, "link"), (os, "fsync"), (os, "unlink"),
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
                _half(real, *arguments, **options)
            raise Killed if error is None else OSError(error, os.strerror(error))

        return call

    with patch.context() as patched:
        for owner, name in CALLS:
            patched.setattr(owner, name, failing(getattr(owner, name)))
        try:
            work()
        except (Killed, OSError) as end:
            return left < 0, end
    return left < 0, None


def _half(real: Callable, *arguments: Any, **options: Any) -> None:
    if real.__name__.startswith("write"):
        path, content, *_ = arguments
        real(path, content[: len(content) // 2], **options)
    elif real.__name__ == "copyfile":
        source, target = map(Path, arguments)
        with target.open("wb") as file:
            file.write(source.read_bytes()[: source.stat().st_size // 2])
