"""Video files through decord, where it agrees with OpenCV: it was wrong on cut files."""

from pathlib import Path

import decord
import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..opencv import cv2
from .cursor import Cursor, Decoder
from .opencv import OpenCVFile, open_capture

SAMPLED_FRAMES = 9


class DecordFile(OpenCVFile):
    """A video file through decord, compared with a counted pass of OpenCV before the first frame is given out."""

    def _check(self) -> None:
        super()._check()
        claimed = _VideoReader(self.path).frames
        sampled = set(np.linspace(0, max(claimed - 1, 0), SAMPLED_FRAMES).round().astype(int).tolist())
        count, samples = self._counted(sampled)
        if count != claimed:
            raise DataError(f"{self.path}: decord counts {claimed} frames, OpenCV decodes {count}; use reader opencv")
        cursor = Cursor(self._open, self.pulse)
        for index, expected in sorted(samples.items()):
            cursor.move(index)
            frame = cursor.read()
            if frame is None or not np.array_equal(frame, expected):
                raise DataError(f"{self.path}: frame {index} of {count} is not the same in decord; use reader opencv")
        cursor.close()

    def _open(self) -> Decoder:
        return _VideoReader(self.path)

    def _counted(self, sampled: set[int]) -> tuple[int, dict[int, np.ndarray]]:
        capture, count, samples = open_capture(self.path), 0, {}
        while capture.grab():
            if count in sampled:
                samples[count] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            count += 1
            self.pulse.beat(f"counting frame {count} with OpenCV")
        capture.release()
        return count, samples


class _VideoReader:
    """Forward only: decord's `skip_frames` and its index led to other frames in files with open groups of pictures."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()

    def _begin(self) -> None:
        try:
            self._reader = decord.VideoReader(str(self._path.absolute()))
        except (RuntimeError, decord.DECORDError) as error:
            raise DataError(
                f"{self._path} cannot be opened by decord ({_first_line(error)}); use reader opencv"
            ) from error
        self.frames, self._left = len(self._reader), len(self._reader)

    def read(self) -> UInt8[np.ndarray, "height width 3"] | None:
        # Past its last frame decord can loop for ever, so it is never asked for more than it counts.
        if not self._left:
            return None
        self._left -= 1
        try:
            return np.asarray(self._reader.next().asnumpy())
        except (RuntimeError, StopIteration, decord.DECORDError) as error:
            number = self.frames - self._left - 1
            raise DataError(
                f"{self._path}: decord cannot decode frame {number} of {self.frames} ({_first_line(error)}); "
                "use reader opencv"
            ) from error

    def skip(self) -> bool:
        return self.read() is not None

    def nearest(self, index: int, position: int) -> int:
        if index >= position:
            return position
        self._begin()
        return 0

    def close(self) -> None:
        del self._reader


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
