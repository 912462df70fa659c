"""Cut what moves out of normal video: before a fixed camera the background shows itself, the rest is objects."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from aed_lightning.core import UsageError

_WINDOW = 500
"""Frames that share one background: long enough to look past people, short enough for the light."""
_SAMPLES = 60
_FARTHEST_STEP = 0.05
"""Share of the frame's width that an object moves at most from one frame to the next."""


@dataclass(frozen=True)
class Cutting:
    """What counts as an object.

    difference: gray levels from the background, in any channel. least_pixels: of an object. most_share: of the frame
    that an object covers at most. shortest: frames through which it must be followed. Raises UsageError.
    """

    difference: float = 14.0
    least_pixels: int = 12
    most_share: float = 0.09
    shortest: int = 9

    def __post_init__(self) -> None:
        for name, low, high in (
            ("difference", 1.0, 255.0), ("least_pixels", 4, 1 << 20), ("most_share", 1e-4, 0.5), ("shortest", 2, 1000),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"cutting: {name} is {getattr(self, name)}; give {low} to {high}")


@dataclass(frozen=True)
class Cutout:
    """One object in one frame. image: its box; mask: which of these pixels are it; top, left: the box in the frame."""

    image: UInt8[np.ndarray, "channels height width"]
    mask: Bool[np.ndarray, "height width"]
    top: int
    left: int

    @property
    def center(self) -> Float[np.ndarray, " 2"]:
        """Middle of the box: x, y in pixels."""
        height, width = self.mask.shape
        return np.array([self.left + (width - 1) / 2, self.top + (height - 1) / 2])


Track = list[Cutout]
"""One object in consecutive frames."""


@dataclass(frozen=True)
class CutVideo:
    """What was cut out of one video.

    frames: how many it has. channels: of its frames. covered: share of the frames in which something was at a place.
    sources: SHA-256 of each file it was made from, by path.
    """

    name: str
    frames: int
    channels: int
    tracks: list[Track]
    covered: Float[np.ndarray, "height width"]
    sources: dict[str, str] = field(default_factory=dict)


def cut_tracks(
    frames: UInt8[np.ndarray, "frames channels height width"], cutting: Cutting
) -> tuple[list[Track], Float[np.ndarray, "height width"]]:
    """Every object that can be followed, and the share of the frames in which something was before the background.

    Objects at the edge of the frame are left out there: nobody knows how much of them is missing. Two objects that
    touch are one object, and their tracks end where they meet.
    """
    tracks: list[Track] = []
    covered = np.zeros(frames.shape[2:])
    for first in range(0, len(frames), _WINDOW):
        live: list[Track] = []
        window = frames[first : first + _WINDOW]
        for foreground, frame in zip(_foregrounds(window, cutting), window, strict=True):
            covered += foreground
            found = list(_objects(foreground, frame, cutting))
            live, ended = _follow(live, found, _FARTHEST_STEP * frames.shape[3])
            tracks += ended
        tracks += live
    return [track for track in tracks if len(track) >= cutting.shortest], covered / len(frames)


def _foregrounds(
    frames: UInt8[np.ndarray, "frames channels height width"], cutting: Cutting
) -> Iterator[UInt8[np.ndarray, "height width"]]:
    background = np.median(frames[:: -(-len(frames) // _SAMPLES)], axis=0).astype(np.float32)
    for frame in frames:
        differs = np.abs(frame - background).max(axis=0) > cutting.difference
        yield cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))


def _objects(
    foreground: UInt8[np.ndarray, "height width"], frame: UInt8[np.ndarray, "channels height width"], cutting: Cutting
) -> Iterator[Cutout]:
    rows, columns = foreground.shape
    number, which, boxes, _ = cv2.connectedComponentsWithStats(foreground)
    for index in range(1, number):
        left, top, width, height, area = (int(value) for value in boxes[index])
        whole = left > 0 and top > 0 and left + width < columns and top + height < rows
        if whole and cutting.least_pixels <= area <= cutting.most_share * rows * columns:
            box = slice(top, top + height), slice(left, left + width)
            yield Cutout(frame[(slice(None), *box)].copy(), which[box] == index, top, left)


def _follow(live: list[Track], found: list[Cutout], farthest: float) -> tuple[list[Track], list[Track]]:
    """Go on with each track at the nearest object of like size; the rest begin or end. Returns live and ended ones."""
    ended, going = [], []
    for track in live:
        last = track[-1]
        near = [
            (float(np.hypot(*(cutout.center - last.center))), index)
            for index, cutout in enumerate(found)
            if 0.6 < cutout.mask.sum() / last.mask.sum() < 1.7
        ]
        distance, index = min(near, default=(np.inf, -1))
        if distance <= farthest:
            track.append(found.pop(index))
            going.append(track)
        else:
            ended.append(track)
    return going + [[cutout] for cutout in found], ended
