"""What a layout is: where a data set keeps its videos and labels, and nothing about pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

Split = Literal["train", "test"]


@dataclass(frozen=True)
class VideoSource:
    """One video where its publisher or owner put it.

    path: a file or a folder of images. label_source: the file that decides the frame labels, or none.
    fps: frames a second where the data set says so and a folder of images cannot.
    """

    name: str
    split: Split
    path: Path
    label_source: Path | None = None
    fps: float | None = None


@runtime_checkable
class Layout(Protocol):
    """A data set on disk. Opening one lists all problems of its root in a single DataError.

    channels: colors kept in the store, 1 or 3. notes: what the user should know, such as a part of the videos.
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
