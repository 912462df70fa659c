"""Pixel masks in the formats of the data sets: one a frame, as large as the frame, true where not zero."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from ...core import DataError
from ..images import read_gray
from ..npz import read_npz
from ..readers import image_files
from .labels import mapped_npy
from .layout import Masks


def image_masks(folder: Path, frames: int, size: tuple[int, int]) -> Masks:
    """Masks in a folder of images, by the numbers in their names. Raises DataError where they are not one a frame."""
    files = image_files(folder)
    _refuse_count(len(files), frames, folder)
    return lambda frame: sized(read_gray(files[frame]), size, str(files[frame]))


def array_masks(file: Path, frames: int, size: tuple[int, int]) -> Masks:
    """Masks in a `.npy` (mapped) or `.npz` (unpacked) file, (frames, height, width) whole numbers. Raises DataError."""
    masks = _unpacked(file) if file.suffix == ".npz" else mapped_npy(file)
    if masks.ndim != 3 or masks.dtype.kind not in "bui":
        raise DataError(
            f"{file}: {masks.dtype} of shape {masks.shape}; masks are (frames, height, width) whole numbers"
        )
    _refuse_count(len(masks), frames, file)
    return lambda frame: sized(masks[frame], size, f"{file}: frame {frame}")


def sized(mask: np.ndarray, size: tuple[int, int], where: str, margin: int = 0) -> Bool[np.ndarray, "height width"]:
    """True where `mask` is not zero, with up to `margin` rows and columns below and to the right cut away.

    Raises DataError for any other size than `size`.
    """
    beyond = [found - wanted for found, wanted in zip(mask.shape, size, strict=True)]
    if not all(0 <= rest <= margin for rest in beyond):
        raise DataError(
            f"{where}: the mask is {mask.shape[1]}x{mask.shape[0]}, the frame {size[1]}x{size[0]}; "
            "a mask has the size of its frame"
        )
    return np.asarray(mask[: size[0], : size[1]] != 0)


def _unpacked(file: Path) -> np.ndarray:
    arrays = read_npz(file)
    if len(arrays) != 1:
        raise DataError(f"{file} holds {len(arrays)} arrays; masks are one")
    return next(iter(arrays.values()))


def _refuse_count(masks: int, frames: int, source: Path) -> None:
    if masks != frames:
        raise DataError(f"{source}: {masks} masks for {frames} frames; mend the masks or the video")
