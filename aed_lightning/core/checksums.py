"""Files with their SHA-256 beside them, and the one before them, so that damage is found and something good is left."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from .errors import DataError
from .files import PARTIAL_FILES, atomic_path, write_text


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sum_file(file: Path) -> Path:
    """Where the SHA-256 of `file` is kept."""
    return file.with_name(f"{file.name}.sha256")


def previous_file(file: Path) -> Path:
    """What `file` was before."""
    return file.with_stem("previous")


def is_damaged(file: Path) -> bool:
    """Whether `file` is another than its SHA-256 says; without one nobody knows."""
    return not _fits(file, sha256(file))


def _fits(file: Path, digest: str) -> bool:
    """Whether the SHA-256 beside `file`, if there is one, is this."""
    beside = sum_file(file)
    return not beside.is_file() or beside.read_bytes()[:64] == digest.encode()


def make_way(file: Path, digest: str) -> None:
    """Keep what is at `file` as the previous one, if it is good, before a file of this SHA-256 takes its name.

    A process that is killed anywhere in between leaves a good file: the old sum or the new one does not fit, and the
    previous file is what `file` was.
    """
    previous = previous_file(file)
    if file.is_file() and _fits(file, old := sha256(file)):
        # Left behind by a process that was killed, and perhaps a second name of a checkpoint: never written to.
        for partial in file.parent.glob(PARTIAL_FILES.replace("*", f"{previous.name}.*")):
            partial.unlink()
        with atomic_path(previous) as partial:
            try:
                os.link(file, partial)
            except OSError:  # a file system without hard links
                shutil.copyfile(file, partial)
        write_text(sum_file(previous), f"{old}  {previous.name}\n")
    write_text(sum_file(file), f"{digest}  {file.name}\n")


def newest_good(file: Path, say: Callable[[str], None]) -> Path | None:
    """`file`, or where it is damaged the previous one, which is said; none where there is neither.

    Raises DataError where all that is there is damaged.
    """
    there = [one for one in (file, previous_file(file)) if one.is_file()]
    good = next((one for one in there if not is_damaged(one)), None)
    if there and good is None:
        raise DataError(
            f"{' and '.join(map(str, there))}: damaged, not what the SHA-256 beside says; take it away and train anew"
        )
    if good is not None and good != file:
        why = "damaged, not what the SHA-256 beside it says" if file.is_file() else "missing"
        say(f"{file}: {why}; going on from {good}")
    return good
