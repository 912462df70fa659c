"""One video from its source into the store: decoded once, never held whole."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ..core import DataError, atomic_path
from .layouts import VideoSource
from .motion import stream_motion
from .opencv import cv2
from .progress import Progress
from .readers import VideoReader, ahead, decoder_log, open_video
from .sources import path_below, sha256_of, stamp_of
from .store import Settings, StorePaths, VideoRow

FRAMES_PER_REPORT = 32


def ingest(video: VideoSource, root: Path, paths: StorePaths, settings: Settings, progress: Progress) -> VideoRow:
    """Write frames and motion maxima of `video`; the row it returns has no labels yet.

    Both files appear whole or not at all. Raises DataError for a broken source or one that changes meanwhile.
    """
    stamp, sha256 = stamp_of(video.path), sha256_of(video.path)
    reader = open_video(video.path, settings.reader, video.fps)
    source = _Resized(reader, settings)
    count = 0
    with (
        atomic_path(paths.frames(video.split, video.name)) as frames_path,
        atomic_path(paths.motion(video.split, video.name)) as motion_path,
        decoder_log(reader.warnings),
    ):
        with frames_path.open("wb") as frames_file, motion_path.open("wb") as motion_file:
            for frame, motion in stream_motion(ahead(source.frames(), reader.pulse), settings.cell):
                frames_file.write(frame.data)
                motion_file.write(motion.data)
                count += 1
                if count % FRAMES_PER_REPORT == 0:
                    progress.frames(FRAMES_PER_REPORT)
        if stamp_of(video.path) != stamp:
            raise DataError(f"{video.path} changed while it was read: prepare again when it is at rest")
    progress.frames(count % FRAMES_PER_REPORT)
    return VideoRow(
        name=video.name,
        split=video.split,
        frames=count,
        claimed_frames=reader.claimed_frames,
        fps=reader.fps,
        source_size=source.size,
        source=path_below(video.path, root),
        bytes=stamp.bytes,
        mtime_ns=stamp.mtime_ns,
        sha256=sha256,
        warnings=tuple(reader.warnings),
    )


class _Resized:
    """The frames of a reader as the store keeps them; `size` is the source's (height, width) after the first one."""

    def __init__(self, reader: VideoReader, settings: Settings) -> None:
        self._reader, self._settings = reader, settings
        self.size = (0, 0)

    def frames(self) -> Iterator[UInt8[np.ndarray, "channels height width"]]:
        for frame in self._reader.frames():
            self.size = (frame.shape[0], frame.shape[1])
            yield stored_frame(frame, self._settings.frame_size, self._settings.channels)


def stored_frame(
    frame: UInt8[np.ndarray, "height width 3"], frame_size: tuple[int, int], channels: int
) -> UInt8[np.ndarray, "channels rows columns"]:
    """An RGB frame at `frame_size` (height, width), bilinear, with 1 or 3 channels in front.

    Equal channels pass through the gray conversion unchanged: its weights sum to one exactly.
    """
    height, width = frame_size
    kept = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if channels == 1 else frame
    resized = np.asarray(cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return resized[None] if channels == 1 else np.stack(cv2.split(resized))
