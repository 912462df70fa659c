"""What the readers of video files share: counting, comparing with the container's promise, frames by their numbers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from .container import check_file, refuse_other_size
from .cursor import Cursor, Decoder
from .deadline import Pulse

SMALLEST_DECODED_SHARE = 0.9
KEPT_FRAMES = 16


class VideoFile(ABC):
    """A video file through one library, which a subclass names by `_promises`, `_check` and `_open`."""

    def __init__(self, path: Path, pulse: Pulse) -> None:
        check_file(path)
        self.path, self.pulse = path, pulse
        self.warnings: list[str] = []
        self.claimed_frames, self.fps = self._promises()
        self._size: tuple[int, ...] | None = None
        self._checked = False
        self._cursor: Cursor | None = None
        self._kept: dict[int, np.ndarray] = {}

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        return (frame for frame in self.some(lambda _: True) if frame is not None)

    def some(self, wanted: Callable[[int], bool]) -> Iterator[UInt8[np.ndarray, "height width 3"] | None]:
        self._check_once()
        cursor = Cursor(self._open, self.pulse)
        try:
            while True:
                if not wanted(cursor.position):
                    if not cursor.move(cursor.position + 1):
                        break
                    yield None
                elif (frame := cursor.read()) is not None:
                    self._same_size(frame, cursor.position - 1)
                    yield frame
                else:
                    break
            count = cursor.position
        finally:
            cursor.close()
        self._compare(count)

    def at(self, indices: Iterable[int]) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        for index in indices:
            # A copy: what the caller draws into it must not come back with the next clip.
            yield self._frame(int(index)).copy()

    def _frame(self, index: int) -> np.ndarray:
        if index in self._kept:
            return self._kept[index]
        if index < 0:
            raise DataError(f"{self.path} has no frame {index}: the first one is 0")
        self._check_once()
        if self._cursor is None:
            self._cursor = Cursor(self._open, self.pulse)
        cursor = self._cursor
        # Short ways are read, not skipped: the next clip begins a little before the end of this one.
        if not cursor.position <= index < cursor.position + KEPT_FRAMES:
            self._kept.clear()
            cursor.move(index)
        while cursor.position <= index:
            frame = cursor.read()
            if frame is None:
                promised = f" ({self.claimed_frames} promised by the container)" if self.claimed_frames else ""
                raise DataError(f"{self.path} has {cursor.position} frames{promised}: there is no frame {index}")
            self._same_size(frame, cursor.position - 1)
            self._kept[cursor.position - 1] = frame
            if len(self._kept) > KEPT_FRAMES:
                del self._kept[min(self._kept)]
        return self._kept[index]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cursor": None, "_kept": {}}

    @abstractmethod
    def _promises(self) -> tuple[int | None, float | None]:
        """Frames and frames a second as the container has them, or none."""

    @abstractmethod
    def _check(self) -> None:
        """What must hold before the first frame; raises DataError."""

    @abstractmethod
    def _open(self) -> Decoder:
        """A decoder before frame 0."""

    def _check_once(self) -> None:
        if not self._checked:
            self._check()
            self._checked = True

    def _same_size(self, frame: np.ndarray, index: int) -> None:
        self._size = self._size or frame.shape
        promised = self.claimed_frames or "an unknown number"
        refuse_other_size(frame.shape, self._size, f"{self.path}: frame {index} of {promised}")

    def _compare(self, count: int) -> None:
        claimed = self.claimed_frames
        if count == 0:
            raise DataError(f"{self.path} has no frames ({claimed or 0} promised): replace it or take it away")
        if claimed is None or count == claimed:
            return
        numbers = f"{count} frames decoded, {claimed} promised by the container"
        if count < SMALLEST_DECODED_SHARE * claimed:
            raise DataError(f"{self.path} is cut short: {numbers}; replace the file")
        self.warnings.append(numbers)
