"""Films of dark boxes before a still, bright, textured background: what moves in them is known to the pixel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aed_lightning.anomalies.cutting import Cutting, Track, TrackCutter
from aed_lightning.core import generator

SIZE = (64, 96)


@dataclass(frozen=True)
class Actor:
    """A box of height, width pixels whose top left corner is at `way(frame)`; it may leave the frame.

    Its gray levels grow downward by `slope` in all, to the right by `slant`, and by `clock` a frame.
    """

    height: int
    width: int
    way: Callable[[int], tuple[int, int]]
    slope: float = 30.0
    slant: float = 0.0
    clock: int = 0

    def pixels(self, frame: int, channels: int) -> np.ndarray:
        down = np.linspace(0, self.slope, self.height)[:, None]
        right = np.linspace(0, self.slant, self.width)[None, :]
        gray = 45 + down + right + self.clock * frame
        return np.stack([gray + 2 * channel for channel in range(channels)]).astype(np.uint8)

    def inside(self, frame: int, size: tuple[int, int] = SIZE) -> np.ndarray:
        """Where in the frame it is."""
        rows, columns = np.indices(size)
        top, left = self.way(frame)
        return (top <= rows) & (rows < top + self.height) & (left <= columns) & (columns < left + self.width)


def scene(channels: int = 1, size: tuple[int, int] = SIZE) -> np.ndarray:
    return generator(0, "scene").integers(190, 230, (channels, *size), dtype=np.uint8)


def film(frames: int, *actors: Actor, channels: int = 1, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Later actors are in front of earlier ones."""
    shot = np.repeat(scene(channels, size)[None], frames, axis=0)
    for frame in range(frames):
        for actor in actors:
            rows, columns = np.nonzero(actor.inside(frame, size))
            top, left = actor.way(frame)
            shot[frame][:, rows, columns] = actor.pixels(frame, channels)[:, rows - top, columns - left]
    return shot


def walker(left: int = 20, top: int = 40, speed: int = 1, height: int = 12, width: int = 8, **look: float) -> Actor:
    """Walks to the right."""
    return Actor(height, width, lambda frame: (top, left + speed * frame), **look)  # type: ignore[arg-type]


def cut_tracks(frames: np.ndarray, cutting: Cutting) -> tuple[list[Track], np.ndarray]:
    """All tracks of a film, and the share of its frames in which each pixel was covered."""
    cutter = TrackCutter(frames, cutting)
    return list(cutter.tracks()), cutter.covered / len(frames)
