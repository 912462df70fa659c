"""What a layout is: where a data set keeps its videos, labels, masks and tracks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8

from ...core import Region

Split = Literal["train", "test"]
Masks = Callable[[int], Bool[np.ndarray, "height width"]]
"""Reads the mask of the frame of that number (from 0): true where the frame is anomalous, at the size of the video."""


@dataclass(frozen=True)
class VideoSource:
    """One video where its publisher or owner put it.

    path: a file or a folder of images. label_source: the file that decides the frame labels, or none.
    fps: frames a second where the data set says so and a folder of images cannot.
    mask_source: the file or folder of images with the pixel masks, or none. track_source: the file with the tracks
    where it is another than `label_source`, or none.
    """

    name: str
    split: Split
    path: Path
    label_source: Path | None = None
    fps: float | None = None
    mask_source: Path | None = None
    track_source: Path | None = None


@runtime_checkable
class Layout(Protocol):
    """A data set on disk. Opening one lists all problems of its root in a single DataError.

    channels: colors kept in the store, 1 or 3. notes: what the user should know, such as a part of the videos.
    In what follows, frames: counted frames of the video; size: their (height, width) in pixels.
    """

    name: str
    channels: int
    notes: list[str]

    def videos(self) -> list[VideoSource]:
        """Training videos first, each split in natural order."""

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        """0 or 1 for each of the `frames` counted frames, or none where the data set has no labels.

        Raises DataError for other values, and with `.name` "label_length" for other lengths.
        """

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        """The kind of anomaly in each frame, "" where there is none; none where the data set names no kinds."""

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        """A function that reads the mask of one frame, or none where the video has no masks.

        Raises DataError where the masks are not one a frame; the function raises it for a mask of another size or one
        that cannot be read.
        """

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        """Where each anomalous object is in each of its frames, or none where the data set tells no objects apart.

        Raises DataError for a box that is empty or leaves the frame, and for a frame that is not in the video.
        """
