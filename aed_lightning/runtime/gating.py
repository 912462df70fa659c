"""Frames that need not be computed anew: between two that are, values are interpolated."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from ..core import UsageError
from ..data.opencv import cv2
from .windows import NO_PIXELS, Stored, Window


@dataclass(frozen=True)
class Gate:
    """Which frames are left out.

    skip: so many in a row at most. levels: only while no cell of the picture has changed by so many gray levels, on
    average over its pixels, since the last frame that was computed; infinite: however it changes.
    """

    skip: int = 0
    levels: float = float("inf")

    def __post_init__(self) -> None:
        if self.skip < 0:
            raise UsageError(f"--skip {self.skip}: give 0 or more")
        if not self.levels > 0:
            raise UsageError(f"--gate {self.levels}: give more than 0 gray levels")

    def period(self, stride: int) -> int:
        """At least every so many frames one is computed, so that it does not matter where one begins."""
        return stride * (self.skip + 1)

    @property
    def regular(self) -> bool:
        """Whether frames are left out whatever they show, so that nobody needs to look at them."""
        return self.skip > 0 and self.levels == float("inf")

    def needed(self, offset: int, stride: int) -> Callable[[int], bool]:
        """Whether a frame's pixels are needed, by its number. offset: frames between those of a clip.

        Those of the first clip always are, which may be the last too.
        """
        period = 1 if self.skip and not self.regular else self.period(stride)
        places = {0, offset % period, -offset % period}
        return lambda number: number <= offset or number % period in places

    def mark(self, windows: Iterable[Window], cell: int, stride: int) -> Iterator[Window]:
        """The same clips, those that are left out marked and without pixels; never the first or the last of a run, but
        for clips that come without.

        cell: side of the cells, in pixels. stride: distance of neighboring clips.
        """
        if not self.skip:
            yield from windows
            return
        last: Stored | None = None
        waiting: Window | None = None
        wanted = True
        for window in windows:
            frame = window.frames[1]
            joins = waiting is not None and window.frame_index == waiting.frame_index + stride
            if waiting is not None:
                yield _left_out(waiting) if joins and not wanted else waiting
            wanted = window.computed and (not joins or last is None or self._wanted(window, last, cell, stride))
            if wanted:
                last = frame
            waiting = window
        if waiting is not None:
            yield waiting

    def _wanted(self, window: Window, last: Stored, cell: int, stride: int) -> bool:
        if window.frame_index % self.period(stride) == 0:
            return True
        return not self.regular and largest_change(window.frames[1], last, cell) >= self.levels


EVERY_FRAME = Gate()


def largest_change(
    frame: UInt8[np.ndarray, "channels height width"], other: UInt8[np.ndarray, "channels height width"], cell: int
) -> float:
    """Mean change of the cell that has changed most, in gray levels; of the channels that of the largest."""
    height, width = frame.shape[1:]
    change = cv2.absdiff(frame.reshape(-1, width), other.reshape(-1, width)).astype(np.float32)
    rows = frame.shape[0] * height // cell
    return float(cv2.resize(change, (width // cell, rows), interpolation=cv2.INTER_AREA).max())


def _left_out(window: Window) -> Window:
    return replace(window, computed=False, frames=NO_PIXELS)


def filled(
    windows: list[Window], values: Float[np.ndarray, "known *map"], last: int
) -> Float[np.ndarray, "windows *map"]:
    """Values of all clips from those of the computed ones: on a line between two, and after the last as there.

    Where the first clip is not computed, `values` begin with those of frame `last`, computed before.
    """
    if all(window.computed for window in windows):
        return values
    at = np.array([window.frame_index for window in windows])
    computed = at[[window.computed for window in windows]]
    known = computed if windows[0].computed else np.array([last, *computed])
    place = np.interp(at, known, np.arange(len(known)))
    before = place.astype(int)
    after = np.minimum(before + 1, len(known) - 1)
    share = (place - before).astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1))
    return values[before] * (1 - share) + values[after] * share
