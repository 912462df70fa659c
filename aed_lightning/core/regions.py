"""Where something is in a frame: what was annotated, what was detected, and both for one video.

A box is x0, y0, x1, y1 in pixels of the video, x1 and y1 just outside; its area is (x1 - x0)(y1 - y0). Data sets whose
last column and row belong to the box have 1 added when they are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

Box = tuple[float | int, float | int, float | int, float | int]


@dataclass(frozen=True)
class Region:
    """One anomalous object in one frame, as annotated.

    track: number of the object's track, unique in its video. frame: from 0. kind: of anomaly, "" where the data set
    names none.
    """

    track: int
    frame: int
    box: Box
    kind: str = ""


@dataclass(frozen=True)
class Detection:
    """A place in a frame that was found anomalous; a higher score is more so. frame: from 0."""

    frame: int
    box: Box
    score: float | int


@dataclass(frozen=True)
class VideoRegions:
    """One test video's annotated and detected regions, each in any order; normal videos belong in too.

    A carrier only, as `FrameScores`: `metrics.evaluate_regions` refuses what cannot be.

    video: name, unique in its split. frames: of the video, those without any region included.
    """

    video: str
    frames: int
    annotated: Sequence[Region]
    detected: Sequence[Detection]


@dataclass(frozen=True)
class VideoAnnotations:
    """What a data set says of one test video beside its labels; tracks and masks are read when they are asked for.

    frames: of the video. size: (height, width) in pixels of the video, which is the size of masks and the unit of
    boxes. fps: frames a second, or none.
    regions: gives the annotated regions, or none where the video has anomalies but no tracks.
    masks: opens what reads the mask of a frame (true where it is anomalous), or is none where the video has anomalies
    but no masks, or no video of the data set has any.
    """

    video: str
    frames: int
    size: tuple[int, int]
    fps: float | None
    regions: Callable[[], Sequence[Region] | None]
    masks: Callable[[], Callable[[int], Bool[np.ndarray, "height width"]]] | None
