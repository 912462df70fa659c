"""One video from its source into the store: decoded once, never held whole."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

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
BLOCK_BYTES = 2**22
"""Frames travel in blocks of about this size: fewer hand-overs, and numpy asks for huge pages from here on."""
SYNC_BYTES = 2**26


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
        with (
            frames_path.open("wb") as frames_file,
            motion_path.open("wb") as motion_file,
            _EarlySync(frames_file) as early,
        ):
            frames = (frame for block in ahead(source.blocks(), reader.pulse, limit=2) for frame in block)
            for frame, motion in stream_motion(frames, settings.cell):
                early.written(frames_file.write(frame.data))
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


class _EarlySync:
    """Brings a growing file to the disk while it grows, so that less is left to wait for at the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._unsynced = 0
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def written(self, count: int) -> None:
        """`count` more bytes were written. Raises OSError where earlier ones could not reach the disk."""
        self._unsynced += count
        if self._unsynced >= SYNC_BYTES and (self._running is None or self._running.done()):
            self._raise_error()
            self._stream.flush()
            self._running, self._unsynced = self._thread.submit(os.fdatasync, self._stream.fileno()), 0

    def __enter__(self) -> "_EarlySync":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        if kind is None:
            self._raise_error()

    def _raise_error(self) -> None:
        # The system reports a failed write to one sync only; the one at the end may not hear of it.
        if self._running is not None:
            self._running.result()


class _Resized:
    """The frames of a reader as the store keeps them; `size` is the source's (height, width) after the first one."""

    def __init__(self, reader: VideoReader, settings: Settings) -> None:
        self._reader, self._settings = reader, settings
        self.size = (0, 0)

    def blocks(self) -> Iterator[UInt8[np.ndarray, "frames channels height width"]]:
        """The frames in order, some at a time."""
        shape = self._settings.frame_shape
        most = -(-BLOCK_BYTES // int(np.prod(shape)))
        block, count = np.empty((most, *shape), dtype=np.uint8), 0
        for frame in self._reader.frames():
            self.size = (frame.shape[0], frame.shape[1])
            stored_frame(frame, self._settings.frame_size, self._settings.channels, into=block[count])
            count += 1
            if count == most:
                yield block
                block, count = np.empty((most, *shape), dtype=np.uint8), 0
        if count:
            yield block[:count]


def stored_frame(
    frame: UInt8[np.ndarray, "height width 3"],
    frame_size: tuple[int, int],
    channels: int,
    into: UInt8[np.ndarray, "channels rows columns"] | None = None,
) -> UInt8[np.ndarray, "channels rows columns"]:
    """An RGB frame at `frame_size` (height, width), bilinear, with 1 or 3 channels in front; new, or in `into`.

    Equal channels pass through the gray conversion unchanged: its weights sum to one exactly.
    """
    height, width = frame_size
    kept = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if channels == 1 else frame
    resized = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
    stored = np.empty((channels, height, width), dtype=np.uint8) if into is None else into
    if channels == 1:
        stored[0] = resized
    else:
        cv2.split(resized, list(stored))
    return stored
