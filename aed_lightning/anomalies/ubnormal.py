"""Anomalies of another data set: the objects that UBnormal's annotations mark in its abnormal training videos.

The paper's source (docs/method.md, section 6). They move, look and stand as they do there.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from aed_lightning.core.clip import Sprite

from .annotated import BLUR, Color, ObjectCutting
from .bank import Bank, PastesFromBank, there_and_back
from .source import MovingObject

_ROOT = Path("data/ubnormal")


@dataclass(frozen=True)
class AnnotatedObject:
    """A cut object on its own way through the frame; see `MovingObject` for its promises.

    shift: pixels down and to the right of where it was. mirrored: with its way, about the middle of the frame.
    """

    bank: Bank
    track: int
    position: int
    frame_size: tuple[int, int]
    shift: tuple[int, int] = (0, 0)
    mirrored: bool = False

    def sprite(self, offset: float | int) -> Sprite:
        """The object `offset` frames from its reference moment, cut to the frame."""
        cutout = self.bank.cutout(
            self.track, there_and_back(self.position + round(offset), self.bank.length(self.track))
        )
        height, width = cutout.alpha.shape
        image, mask = cutout.image, cutout.alpha
        # The box is a pixel wider than the object but where the frame ends; there the object goes on.
        alpha = cv2.GaussianBlur(mask, BLUR, 0, borderType=cv2.BORDER_REPLICATE)
        top, left = cutout.top + self.shift[0], cutout.left + self.shift[1]
        if self.mirrored:
            image, alpha, left = image[..., ::-1], alpha[:, ::-1], self.frame_size[1] - left - width
        rows = slice(max(0, -top), max(0, min(height, self.frame_size[0] - top)))
        columns = slice(max(0, -left), max(0, min(width, self.frame_size[1] - left)))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return Sprite.nothing(len(image))
        return Sprite(
            np.array(image[:, rows, columns], order="C"),  # the bank's own pixels are read-only
            np.ascontiguousarray(alpha[rows, columns]),
            top + rows.start,
            left + columns.start,
        )


class UBnormalObjects(PastesFromBank):
    """Annotated objects of UBnormal's training split, pasted at their own places.

    root: folder of UBnormal (docs/datasets.md). least_pixels, most_share, shortest, color: see `ObjectCutting`.
    shift: to a random place instead. flip: every second object mirrored. Raises UsageError.
    """

    def __init__(
        self,
        root: Path = _ROOT,
        least_pixels: int = 267,
        most_share: float = 0.008,
        shortest: int = 7,
        color: Color = "gray",
        shift: bool = False,
        flip: bool = False,
    ) -> None:
        self.root, self.shift, self.flip = root, shift, flip
        self.cutting = ObjectCutting(least_pixels, most_share, shortest, color)

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object at any moment of its track. Raises UsageError before `use`."""
        bank = self.bank
        track = int(generator.integers(len(bank)))
        position = int(generator.integers(bank.length(track)))
        cutout = bank.cutout(track, position)
        shift = (0, 0)
        if self.shift:
            rows, columns = (whole - box for whole, box in zip(frame_size, cutout.alpha.shape, strict=True))
            shift = (
                int(generator.integers(rows + 1)) - cutout.top,
                int(generator.integers(columns + 1)) - cutout.left,
            )
        mirrored = self.flip and bool(generator.random() < 0.5)
        return AnnotatedObject(bank, track, position, frame_size, shift, mirrored)
