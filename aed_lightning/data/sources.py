"""The identity of a source, so that a result can be traced to its bytes and a change is noticed."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..core.checksums import sha256
from .readers import image_files


@dataclass(frozen=True)
class Stamp:
    """Size in bytes and last change of a file, or of a folder of images: their sum and the newest one."""

    bytes: int
    mtime_ns: int


def stamp_of(path: Path) -> Stamp:
    """The stamp of a video file or a folder of images; a folder's own change counts too (an image renamed)."""
    if not path.is_dir():
        status = path.stat()
        return Stamp(status.st_size, status.st_mtime_ns)
    each = [file.stat() for file in image_files(path)]
    newest = max((status.st_mtime_ns for status in each), default=0)
    return Stamp(sum(status.st_size for status in each), max(newest, path.stat().st_mtime_ns))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; of a folder, over name, length and bytes of each image in order."""
    if not path.is_dir():
        return sha256(path)
    digest = hashlib.sha256()
    for file in image_files(path):
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def path_below(path: Path, root: Path) -> str:
    """`path` as seen from the data root, however either is spelled; the store names its sources this way."""
    return os.path.relpath(path.absolute(), root.absolute())
