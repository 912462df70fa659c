"""Folders of images, one a frame."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..images import read_color
from ..names import natural_key
from ..opencv import cv2
from .container import refuse_other_size
from .deadline import Pulse

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")


def image_files(folder: Path) -> list[Path]:
    """The images of a folder by the numbers in their names; hidden files (`._001.tif`, `.DS_Store`) are left out."""
    names = (entry.name for entry in os.scandir(folder))
    kept = (name for name in names if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES))
    return [folder / name for name in sorted(kept, key=natural_key)]


class ImageFolder:
    """A folder of images."""

    def __init__(self, path: Path, pulse: Pulse, fps: float | None = None) -> None:
        self.path, self.pulse, self.fps = path, pulse, fps
        self.warnings: list[str] = []
        try:
            self._files = image_files(path)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}; make it readable or take it away") from error
        if not self._files:
            raise DataError(f"{path} has no frames: no image ({', '.join(IMAGE_SUFFIXES)}) lies in it")
        self.claimed_frames: int | None = len(self._files)
        self._size: tuple[int, ...] | None = None

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        return self.at(range(len(self._files)))

    def some(self, wanted: Callable[[int], bool]) -> Iterator[UInt8[np.ndarray, "height width 3"] | None]:
        for index in range(len(self._files)):
            yield next(self.at([index])) if wanted(index) else None

    def at(self, indices: Iterable[int]) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        for index in indices:
            if not 0 <= index < len(self._files):
                raise DataError(f"{self.path} has {len(self._files)} frames: there is no frame {index}")
            self.pulse.beat(f"reading {self._files[index].name}")
            where = f"frame {index} of {len(self._files)}"
            image = read_color(self._files[index], where)
            self._size = self._size or image.shape
            refuse_other_size(image.shape, self._size, f"{self._files[index]} ({where})")
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
