"""Frames of a video file or of a folder of images, in order, as RGB.

Readers only go forward: prepare decodes each video once, and nothing trusts a container's count.
"""

import math
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import av
import numpy as np
from jaxtyping import UInt8

from ..core import DataError, UsageError
from .images import read_color
from .names import natural_key
from .opencv import cv2

READERS = ("auto", "opencv")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")
IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
SMALLEST_DECODED_SHARE = 0.9
TIME_LIMIT_MS = 30_000


@runtime_checkable
class VideoReader(Protocol):
    """One open video.

    claimed_frames: what the container promises, or none. fps: frames a second, or none where unknown.
    warnings: what the manifest should say about this video, complete once `frames` has ended.
    """

    claimed_frames: int | None
    fps: float | None
    warnings: list[str]

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The frames in order, RGB; all of one size. Raises DataError (broken, cut short, size change)."""


def open_video(path: Path, reader: str = "auto", fps: float | None = None) -> VideoReader:
    """Open a video file or a folder of images. `fps` is for folders, which know none.

    Raises UsageError for an unknown reader and DataError for what cannot be opened.
    """
    resolve_reader(reader)
    return ImageFolder(path, fps) if path.is_dir() else OpenCVFile(path)


def resolve_reader(reader: str) -> str:
    """The reader that `reader` stands for; the manifest records it."""
    if reader not in READERS:
        raise UsageError(f"reader {reader!r} is unknown: use one of {', '.join(READERS)}")
    return "opencv"


def image_files(folder: Path) -> list[Path]:
    """The images of a folder by the numbers in their names; hidden files (`._001.tif`, `.DS_Store`) are left out."""
    names = (entry.name for entry in os.scandir(folder))
    kept = (name for name in names if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES))
    return [folder / name for name in sorted(kept, key=natural_key)]


class OpenCVFile:
    """A video file through OpenCV's FFmpeg."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        capture = self._open()
        count, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        self.claimed_frames = int(count) if 0 < count < 2**40 else None
        self.fps = float(fps) if math.isfinite(fps) and 0 < fps <= 1000 else None

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        self._refuse_size_change()
        capture = self._open()
        count = 0
        try:
            while True:
                decoded, image = capture.read()
                if not decoded:
                    break
                yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                count += 1
        finally:
            capture.release()
        self._compare(count)

    def _open(self) -> "cv2.VideoCapture":
        if not self.path.is_file():
            raise DataError(f"{self.path} is not a file (missing, or a link to nothing): check the path")
        if not os.access(self.path, os.R_OK):
            raise DataError(f"{self.path} may not be read: change its permissions")
        # Naming the backend keeps OpenCV from taking the name for a pattern of image names.
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIME_LIMIT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIME_LIMIT_MS]
        capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            size = self.path.stat().st_size
            raise DataError(f"{self.path} ({size} bytes) cannot be opened as video: replace it or take it away")
        return capture

    def _refuse_size_change(self) -> None:
        """OpenCV scales a changed frame to the first size and says nothing; only key frames can change it."""
        size, keys = None, deque[int]()
        try:
            with av.open(str(self.path.absolute())) as container:
                stream = container.streams.video[0]
                stream.codec_context.skip_frame = "NONKEY"
                for index, packet in enumerate(container.demux(stream)):
                    if packet.is_keyframe:
                        keys.append(index)
                    for frame in packet.decode():
                        shape, at = (frame.height, frame.width), keys.popleft() if keys else index
                        size = size or shape
                        _same_size(shape, size, f"{self.path}: frame {at}")
        except (av.FFmpegError, IndexError) as error:
            self.warnings.append(f"the key frames cannot all be decoded ({error})")

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


class ImageFolder:
    """A folder of images, one a frame."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self.path = path
        self.fps = fps
        self.warnings: list[str] = []
        self._files = image_files(path)
        if not self._files:
            raise DataError(f"{path} has no frames: no image ({', '.join(IMAGE_SUFFIXES)}) lies in it")
        self.claimed_frames: int | None = len(self._files)

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        size = None
        for file in self._files:
            image = read_color(file)
            size = size or image.shape
            _same_size(image.shape, size, str(file))
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _same_size(shape: tuple[int, ...], size: tuple[int, ...], where: str) -> None:
    if shape != size:
        now, before = f"{shape[1]}x{shape[0]}", f"{size[1]}x{size[0]}"
        raise DataError(f"{where} is {now}, the frames before it are {before}: the frames of a video have one size")
