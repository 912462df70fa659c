"""A decoder that belongs to one process, and the number of the frame that it gives next."""

import ctypes
import os
from collections.abc import Callable
from typing import Protocol, runtime_checkable
from weakref import WeakSet

import numpy as np
from jaxtyping import UInt8

from .deadline import Pulse


@runtime_checkable
class Decoder(Protocol):
    """One open native decoder; it begins before frame 0."""

    def read(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """The next frame, RGB, or none at the end."""

    def skip(self) -> bool:
        """Pass the next frame; false at the end."""

    def nearest(self, index: int, position: int) -> int:
        """Go from `position` to the nearest frame at or before `index` that is reached for certain; its number."""

    def close(self) -> None:
        """Free what is open."""


class Cursor:
    """Opens its decoder when it is needed. In a forked child it opens another and goes on at the same frame."""

    def __init__(self, open_decoder: Callable[[], Decoder], pulse: Pulse) -> None:
        self._open, self._pulse = open_decoder, pulse
        self.decoder: Decoder | None = None
        self.position = 0
        _CURSORS.add(self)

    def read(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """The frame at `position`, RGB, or none at the end."""
        frame = self._ready().read()
        if frame is not None:
            self._pass()
        return frame

    def move(self, index: int) -> bool:
        """Make `index` the next frame; false, and `position` the number of frames, where the video ends before it."""
        decoder = self._ready()
        self.position = decoder.nearest(index, self.position)
        self._pulse.beat(f"decoding frame {self.position}")
        while self.position < index:
            if not decoder.skip():
                return False
            self._pass()
        return True

    def close(self) -> None:
        if self.decoder is not None:
            self.decoder.close()
        self.decoder, self.position = None, 0

    def _ready(self) -> Decoder:
        if self.decoder is None:
            self.decoder, wanted, self.position = self._open(), self.position, 0
            self._pulse.beat(f"decoding frame {wanted}")
            self.move(wanted)
        return self.decoder

    def _pass(self) -> None:
        self.position += 1
        self._pulse.beat(f"decoding frame {self.position}")


_CURSORS: WeakSet[Cursor] = WeakSet()
_GRAVEYARD: list[Decoder] = []


def _bury() -> None:
    """In a forked child: take every inherited decoder out of use.

    Its threads stayed in the parent. Using or freeing it hangs or aborts, also when the interpreter clears this list at
    its end; so each keeps one reference that nobody gives back.
    """
    for cursor in list(_CURSORS):
        if cursor.decoder is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(cursor.decoder))
            _GRAVEYARD.append(cursor.decoder)
            cursor.decoder = None


os.register_at_fork(after_in_child=_bury)
