"""Video files through PyAV: the reader for jumping about, since it can prove where a jump went."""

from bisect import bisect_right
from collections.abc import Generator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from jaxtyping import UInt8

from ..opencv import cv2
from .container import decoder_threads, not_a_video
from .cursor import Decoder
from .video_file import VideoFile

# PyAV is silent by default; FFmpeg's own way, errors on the error stream, is what `decoder_log` reads. PyAV's other
# way, into Python's logging, can deadlock with the threads of the decoder.
av.logging.restore_default_callback()
av.logging.set_libav_level(av.logging.ERROR)


class PyAVFile(VideoFile):
    """A video file through PyAV."""

    def _promises(self) -> tuple[int | None, float | None]:
        with _opened(self.path) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            seconds = container.duration / av.time_base if container.duration else 0
            claimed = stream.frames or (int(seconds * rate + 0.5) if rate else 0)
            return claimed or None, float(rate) if rate and 0 < rate <= 1000 else None

    def _check(self) -> None:
        """Nothing: a change of size shows in the frames themselves."""

    def _open(self) -> Decoder:
        return _Stream(self.path)


class _Stream:
    """Decodes forward and remembers when each frame is shown and which are key frames, to find them again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times: list[int] = []
        self._keys: list[int] = []
        self._findable = True
        self._container = _opened(path)
        self._begin(0)

    def read(self) -> UInt8[np.ndarray, "height width 3"] | None:
        frame = self._next()
        if frame is None:
            return None
        # The conversion that OpenCV asks FFmpeg for. Straight to RGB, or with PyAV's default, 10-bit video differs.
        converted = frame.to_ndarray(format="bgr24", interpolation="BICUBIC")
        image = np.asarray(cv2.cvtColor(converted, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        # As OpenCV does with the videos of phones; frame.rotation counts degrees counterclockwise.
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image

    def skip(self) -> bool:
        return self._next() is not None

    def nearest(self, index: int, position: int) -> int:
        """The last key frame up to `index` that was passed before, or `position` if that is nearer."""
        count = bisect_right(self._keys, index) if self._findable else 0
        jumped = False
        for key in reversed(self._keys[max(0, count - 3) : count]):
            if key <= position <= index and not jumped:
                return position
            if self._found(key):
                return key
            jumped = True
        if position <= index and not jumped:
            return position
        self._container.close()
        self._container = _opened(self._path)
        self._begin(0)
        return 0

    def close(self) -> None:
        self._frames.close()
        self._container.close()

    def _begin(self, position: int) -> None:
        self._position = position
        self._pending: av.VideoFrame | None = None
        self._frames = _decoded(self._container)

    def _found(self, key: int) -> bool:
        """Seek to a key frame; true if the very frame that is shown at its time came out."""
        self._container.seek(self._times[key], stream=self._container.streams.video[0], backward=True)
        self._begin(key)
        for frame in self._frames:
            if frame.pts is None or frame.pts > self._times[key]:
                return False
            if frame.pts == self._times[key]:
                self._pending = frame
                return True
        return False

    def _next(self) -> av.VideoFrame | None:
        frame, self._pending = self._pending or next(self._frames, None), None
        if frame is None:
            return None
        if self._position == len(self._times):
            self._remember(frame)
        elif self._findable and frame.pts != self._times[self._position]:
            # The jump led to other frames than the first time: jump no more in this file.
            position, self._findable = self._position, False
            self.nearest(-1, 0)
            while self._position < position and self.skip():
                pass
            return self._next()
        self._position += 1
        return frame

    def _remember(self, frame: av.VideoFrame) -> None:
        """A picture that refreshes the image bit by bit counts as key but is no I picture; nothing starts there."""
        if frame.pts is None or (self._times and frame.pts <= self._times[-1]):
            self._findable = False
        if frame.key_frame and frame.pict_type == av.video.frame.PictureType.I:
            self._keys.append(self._position)
        self._times.append(frame.pts or 0)


def _decoded(container: InputContainer) -> Generator[av.VideoFrame, None, None]:
    """A packet that cannot be decoded is passed, as OpenCV does; the decoder's log and the count tell."""
    try:
        for packet in container.demux(container.streams.video[0]):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        return


def _opened(path: Path) -> InputContainer:
    try:
        container = av.open(str(path.absolute()))
    except av.FFmpegError as error:
        raise not_a_video(path) from error
    if not container.streams.video:
        container.close()
        raise not_a_video(path)
    context = container.streams.video[0].codec_context
    context.thread_type, context.thread_count = "AUTO", decoder_threads()
    return container
