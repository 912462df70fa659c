"""The motion gradient, kept as maxima over small cells.

|I(t-1) - I(t+1)| on 8-bit values, a channel at a time; where a neighbor is missing, the frame itself stands in for
it: |I(0) - I(1)| at the start, |I(n-2) - I(n-1)| at the end, zero in a video of one frame (docs/method.md 2.2).
"""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import UInt8

from ..core import UsageError
from .opencv import cv2


def check_cell(frame_size: tuple[int, int], cell: int) -> None:
    """Refuse (UsageError) a frame size (height, width) in pixels that cells of `cell` x `cell` do not tile."""
    height, width = frame_size
    if cell < 1 or height < 1 or width < 1 or height % cell or width % cell:
        raise UsageError(f"frame size {height}x{width} does not divide by cell {cell}: choose multiples of the cell")


def motion_maxima(
    frames: UInt8[np.ndarray, "frames channels height width"], cell: int
) -> UInt8[np.ndarray, "frames channels rows columns"]:
    """Motion maxima of a whole video, in gray levels 0 to 255."""
    _, channels, height, width = frames.shape
    check_cell((height, width), cell)
    maxima = np.empty((len(frames), channels, height // cell, width // cell), dtype=np.uint8)
    for row, (_, motion) in zip(maxima, stream_motion(frames, cell), strict=True):
        row[...] = motion
    return maxima


def stream_motion(frames: Iterable[np.ndarray], cell: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each frame (channels, height, width) with its motion maxima (channels, rows, columns); holds three frames.

    A frame comes out when the next one has come in, so it must not be overwritten by its source meanwhile.
    """
    before = current = None
    for after in frames:
        if current is not None:
            yield current, _maxima(current if before is None else before, after, cell)
        before, current = current, after
    if current is not None:
        yield current, _maxima(current if before is None else before, current, cell)


def _maxima(
    before: UInt8[np.ndarray, "channels height width"], after: UInt8[np.ndarray, "channels height width"], cell: int
) -> UInt8[np.ndarray, "channels rows columns"]:
    channels, height, width = before.shape
    difference = cv2.absdiff(before.reshape(-1, width), after.reshape(-1, width))
    # Whole rows are what numpy is fast at, so the columns are turned into rows for their turn.
    high = difference.reshape(-1, cell, width).max(axis=1)
    columns = cv2.transpose(high).reshape(-1, cell, len(high)).max(axis=1)
    return np.ascontiguousarray(columns.T).reshape(channels, height // cell, width // cell)
