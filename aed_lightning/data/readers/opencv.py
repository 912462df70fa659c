"""Video files through OpenCV's FFmpeg: what `auto` means."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ..opencv import cv2
from .container import decoder_threads, not_a_video, refuse_size_change
from .cursor import Decoder
from .video_file import VideoFile

TIME_LIMIT_MS = 30_000


class OpenCVFile(VideoFile):
    """A video file through OpenCV."""

    def _promises(self) -> tuple[int | None, float | None]:
        capture = open_capture(self.path)
        count, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        claimed = int(count) if 0 < count < 2**40 else None
        return claimed, float(fps) if math.isfinite(fps) and 0 < fps <= 1000 else None

    def _check(self) -> None:
        self.warnings += refuse_size_change(self.path, self.claimed_frames, self.pulse)

    def _open(self) -> Decoder:
        return _Capture(self.path)


class _Capture:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = open_capture(path)

    def read(self) -> UInt8[np.ndarray, "height width 3"] | None:
        decoded, image = self._capture.read()
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8) if decoded else None

    def skip(self) -> bool:
        return bool(self._capture.grab())

    def nearest(self, index: int, position: int) -> int:
        """CAP_PROP_POS_FRAMES is not used: it gave other frames with a variable frame rate and in cut files."""
        if index >= position:
            return position
        self._capture.release()
        self._capture = open_capture(self._path)
        return 0

    def close(self) -> None:
        self._capture.release()


def open_capture(path: Path) -> "cv2.VideoCapture":
    """An open capture, before frame 0. Raises DataError."""
    # Naming the backend keeps OpenCV from taking the name for a pattern of image names.
    options = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIME_LIMIT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIME_LIMIT_MS,
        cv2.CAP_PROP_N_THREADS, decoder_threads(),
    ]  # fmt: skip
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, options)
    if not capture.isOpened():
        raise not_a_video(path)
    return capture
