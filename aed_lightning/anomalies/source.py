"""What the data asks of every source of synthetic anomalies."""

from typing import Protocol, runtime_checkable

import numpy as np

from aed_lightning.core.clip import Sprite


@runtime_checkable
class MovingObject(Protocol):
    """One object and its way through the frame.

    At offset 0, its reference moment, its center lies inside the frame and a good part of it is visible.
    """

    def sprite(self, offset: float | int) -> Sprite:
        """The object `offset` frames after (negative: before) its reference moment, cut to the frame.

        Zero height and width where the object is outside. The same offset always gives the same pixels.
        """
        ...


@runtime_checkable
class AnomalySource(Protocol):
    """Draws objects that do not belong into normal video."""

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object for frames of `frame_size` (height, width) pixels with 1 or 3 `channels`."""
        ...
