"""Frames as they come become clips: t-offset, t, t+offset, from a ring of the last few frames."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Window:
    """The three frames of a clip around `frame_index`.

    warm_up: whether a frame before the middle one is missing, at the start or after a gap.
    dropped: clips between this one and the one before that were given up, because there was no time for them.
    computed: whether it is scored by the network, and not from the clips around it.
    """

    frame_index: int
    frames: UInt8[np.ndarray, "3 channels height width"]
    warm_up: bool
    dropped: int = 0
    computed: bool = True


NO_PIXELS = np.empty((3, 1, 0, 0), np.uint8)
"""Of a clip that nobody will look at: many may wait for the next that is computed."""
Stored = UInt8[np.ndarray, "channels height width"]


class Windows:
    """Makes the clips of one source; the same as those of the data module where no frame is missing.

    offset: frames between the three frames of a clip. stride: every so many frames a clip, from frame 0 on.
    A neighbor that does not exist is replaced by the middle frame; a clip never reaches across a gap.
    A frame may come without pixels, as none: clips that need them are not to be computed.
    """

    def __init__(self, offset: int, stride: int = 1) -> None:
        self.offset, self.stride = offset, stride
        self._ring: deque[tuple[int, Stored | None]] = deque(maxlen=2 * offset + 1)
        self._next: int | None = None

    def push(self, frame_index: int, frame: Stored | None) -> list[Window]:
        """Take the next frame; the clips that are whole now, in order. Indices ascend."""
        done = []
        if self._next is not None and frame_index != self._next:
            done = self.flush()
        self._next = frame_index + 1
        self._ring.append((frame_index, frame))
        middle = frame_index - self.offset
        if middle >= self._ring[0][0]:
            done += self._window(middle)
        return done

    def flush(self) -> list[Window]:
        """End the run of frames: the clips that lack their last frame."""
        if self._next is None:
            return []
        last = self._next - 1
        middles = range(max(self._ring[0][0], last - self.offset + 1), last + 1)
        done = [window for middle in middles for window in self._window(middle)]
        self._ring.clear()
        self._next = None
        return done

    def _window(self, middle: int) -> list[Window]:
        if middle % self.stride:
            return []
        first = self._ring[0][0]
        instants = [middle - self.offset, middle, middle + self.offset]
        held = [instant if 0 <= instant - first < len(self._ring) else middle for instant in instants]
        pixels = [frame for instant in held if (frame := self._ring[instant - first][1]) is not None]
        computed = len(pixels) == len(held)
        return [Window(middle, np.stack(pixels) if computed else NO_PIXELS, held[0] == middle, computed=computed)]
