"""Frames of a video file or of a folder of images as RGB, in order or by their numbers.

Every reader decodes forward and counts what it decodes: nothing trusts a container's count. All give the same frames;
OpenCV was the fastest to RGB, PyAV the one whose jumps can be proven, decord is used only where it agrees with OpenCV.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from ...core import UsageError
from .deadline import HANGS, Pulse, ahead, in_time
from .decoder_log import decoder_log
from .images import ImageFolder, image_files

READERS = ("auto", "opencv", "pyav", "decord")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")

__all__ = [
    "HANGS",
    "READERS",
    "VIDEO_SUFFIXES",
    "Pulse",
    "VideoReader",
    "ahead",
    "decoder_log",
    "image_files",
    "open_video",
    "resolve_reader",
]


@runtime_checkable
class VideoReader(Protocol):
    """One video. It may be pickled and forked: decoders open when they are needed and stay in their process.

    claimed_frames: what the container promises, or none. fps: frames a second, or none where unknown.
    warnings: what the manifest should say about this video, complete once `frames` has ended.
    pulse: beats with every native call that returns, for `ahead`, which ends the wait for one that does not.
    """

    claimed_frames: int | None
    fps: float | None
    warnings: list[str]
    pulse: Pulse

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The frames in order, RGB; all of one size. Raises DataError (broken, cut short, size change)."""

    def some(self, wanted: Callable[[int], bool]) -> Iterator[UInt8[np.ndarray, "height width 3"] | None]:
        """As `frames`, with none for those whose number is not wanted: they are decoded, but not made RGB."""

    def at(self, indices: Iterable[int]) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The frames with these numbers, from 0, in the order asked for: the same ones that `frames` gives.

        Decodes forward from the nearest earlier frame that is reached for certain; the frames of neighboring clips
        are decoded once. Raises DataError as `frames` does, and for a number that the video does not have.
        """


def open_video(path: Path, reader: str = "auto", fps: float | None = None) -> VideoReader:
    """Open a video file or a folder of images. `fps` is for folders, which know none.

    Raises UsageError for an unknown reader and DataError for what cannot be opened, or not within the deadline.
    """
    name = resolve_reader(reader)
    pulse = Pulse(path)
    return in_time(lambda: _open(name, path, fps, pulse), pulse)


def resolve_reader(reader: str) -> str:
    """The reader that `reader` stands for; the manifest records it. Raises UsageError where there is none such."""
    if reader not in READERS:
        raise UsageError(f"reader {reader!r} is unknown: use one of {', '.join(READERS)}")
    if reader == "decord" and find_spec("decord") is None:
        raise UsageError(
            "reader 'decord' needs the package decord (x86-64 Linux only): "
            "python -m pip install -c constraints.txt decord, or use reader opencv"
        )
    return "opencv" if reader == "auto" else reader


def _open(name: str, path: Path, fps: float | None, pulse: Pulse) -> VideoReader:
    if os.path.isdir(path):  # which is false, and no error, where a folder above it is closed
        return ImageFolder(path, pulse, fps)
    if name == "pyav":
        from .pyav import PyAVFile

        return PyAVFile(path, pulse)
    if name == "decord":
        from .decord import DecordFile

        return DecordFile(path, pulse)
    from .opencv import OpenCVFile

    return OpenCVFile(path, pulse)
