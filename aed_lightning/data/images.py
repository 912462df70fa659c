"""One image file, decoded with a bound on what its header may ask for."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ..core import DataError
from .opencv import cv2

LARGEST_IMAGE = 2**26
"""Pixels: four times a frame of 4096 x 4096. A file of a few bytes can claim far more than memory holds."""
LARGEST_FILE = 2**28


def read_color(file: Path, where: str = "") -> UInt8[np.ndarray, "height width 3"]:
    """The image as BGR. where: what errors say of its place, such as the number of the frame.

    Raises DataError for what is no image, is cut, or claims more than `LARGEST_IMAGE` pixels.
    """
    return _decoded(file, cv2.IMREAD_COLOR, where)


def read_gray(file: Path) -> UInt8[np.ndarray, "height width"]:
    """The image in one channel; three equal channels become one unchanged. Raises DataError as `read_color`."""
    return _decoded(file, cv2.IMREAD_GRAYSCALE)


def _decoded(file: Path, flags: int, where: str = "") -> np.ndarray:
    at = f" ({where})" if where else ""
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise DataError(f"{file} has {size} bytes; an image has at most {LARGEST_FILE}: replace it")
        content = file.read_bytes()
        _refuse_bomb(file, content)
        # libjpeg fills what is missing with gray and says nothing, so a cut JPEG is told by its missing end mark.
        whole = not content.startswith(b"\xff\xd8") or b"\xff\xd9" in content.rstrip(b"\0")[-1024:]
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags) if whole else None
    except (OSError, ValueError, Warning, cv2.error) as error:
        raise DataError(f"{file}{at} cannot be read as an image ({error}): replace it") from error
    if image is None:
        size_and_place = ", ".join(filter(None, (where, f"{len(content)} bytes")))
        raise DataError(f"{file} ({size_and_place}) cannot be read as an image: it is broken or cut; replace it")
    return np.asarray(image)


def _refuse_bomb(file: Path, content: bytes) -> None:
    """Read the header alone; OpenCV would make room first, for up to 2**30 pixels."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{file} claims too many pixels ({error}): replace it") from error
    if width * height > LARGEST_IMAGE:
        raise DataError(f"{file} claims {width}x{height} pixels; an image has at most {LARGEST_IMAGE}: replace it")
