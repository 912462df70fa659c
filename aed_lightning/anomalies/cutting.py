"""Cut what moves out of normal video: before a fixed camera the background shows itself, the rest is objects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from aed_lightning.core import UsageError

WINDOW = 500
"""Frames, about so many, that share one background: enough to look past people, few enough for the light."""
SAMPLES = 60
FARTHEST_STEP = 0.05
"""Share of the frame's width that an object moves at most from one frame to the next."""
MOST_COVERED = 0.4
"""Share of the pixels that differ from the background, on average, above which there is no background."""
_MATTE = (0.6, 1.6)
"""Times the difference that makes an object: where its pixels begin to count, and where they count in full."""


@dataclass(frozen=True)
class Cutting:
    """What counts as an object before a fixed camera.

    difference: gray levels from the background, in any channel. least_share, most_share: of the frame's pixels that an
    object covers. shortest: frames through which it must be followed. Raises UsageError.
    """

    difference: float = 14.0
    least_share: float = 0.0015
    most_share: float = 0.09
    shortest: int = 9

    def __post_init__(self) -> None:
        for name, low, high in (
            ("difference", 1.0, 255.0), ("least_share", 1e-6, 0.5), ("most_share", 1e-6, 0.5), ("shortest", 2, 1000),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"cutting.{name} is {getattr(self, name)}; give {low} to {high}")
        if self.least_share >= self.most_share:
            raise UsageError(f"cutting.least_share {self.least_share} is not below most_share {self.most_share}")


@dataclass(frozen=True)
class Cutout:
    """One object in one frame. image: its box; alpha: how much of each pixel is it; top, left: the box in the frame."""

    image: UInt8[np.ndarray, "channels height width"]
    alpha: UInt8[np.ndarray, "height width"]
    top: int
    left: int

    @property
    def center(self) -> Float[np.ndarray, " 2"]:
        """Middle of the box: x, y in pixels."""
        height, width = self.alpha.shape
        return np.array([self.left + (width - 1) / 2, self.top + (height - 1) / 2])


Track = list[Cutout]
"""One object in consecutive frames."""


@dataclass
class CutVideo:
    """What is cut out of one video; whole once `tracks` has been gone through.

    frames: how many it has. channels: of its frames. covered: of each pixel the number of frames in which something
    was there. sources: SHA-256 of each file it was made from, by path.
    """

    name: str
    channels: int
    tracks: Iterable[Track]
    covered: Int64[np.ndarray, "height width"]
    frames: int
    sources: dict[str, str] = field(default_factory=dict)


class TrackCutter:
    """Cuts a video; covered: of each pixel the number of frames so far in which it differed from the background.

    Objects at the edge of the frame are left out there: nobody knows how much of them is missing. Two objects that
    touch are one object, and their tracks end where they meet. Who stands through half of a window is background in it,
    and leaves a ghost of the paving when going.
    """

    def __init__(self, frames: UInt8[np.ndarray, "frames channels height width"], cutting: Cutting) -> None:
        self._frames, self._cutting = frames, cutting
        self.covered = np.zeros(frames.shape[2:], np.int64)

    def tracks(self) -> Iterator[Track]:
        """Every object that can be followed, each as soon as its track ends."""
        live: list[Track] = []
        for window in np.array_split(np.arange(len(self._frames)), max(1, round(len(self._frames) / WINDOW))):
            frames = self._frames[window[0] : window[-1] + 1]
            for difference, frame in zip(_differences(frames), frames, strict=True):
                foreground = _closed(difference > self._cutting.difference)
                self.covered += foreground
                found = list(_objects(foreground, difference, frame, self._cutting))
                live, ended = _follow(live, found, FARTHEST_STEP * frame.shape[2])
                yield from self._long_enough(ended)
            yield from self._long_enough(live)
            live = []

    def _long_enough(self, tracks: list[Track]) -> list[Track]:
        return [track for track in tracks if len(track) >= self._cutting.shortest]


def _differences(
    frames: UInt8[np.ndarray, "frames channels height width"],
) -> Iterator[Float32[np.ndarray, "height width"]]:
    """Gray levels from the background, in the channel that differs most."""
    background = np.median(frames[:: -(-len(frames) // SAMPLES)], axis=0).astype(np.float32)
    for frame in frames:
        yield np.abs(frame - background).max(axis=0)


def _closed(differs: Bool[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
    """1 where something is, gaps of a pixel included."""
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(closed, np.uint8)


def _objects(
    foreground: UInt8[np.ndarray, "height width"],
    difference: Float32[np.ndarray, "height width"],
    frame: UInt8[np.ndarray, "channels height width"],
    cutting: Cutting,
) -> Iterator[Cutout]:
    rows, columns = foreground.shape
    number, which, boxes, _ = cv2.connectedComponentsWithStats(foreground)
    # What hardly differs is paving between the legs and light around the body: a seam wherever it is pasted.
    low, high = (share * cutting.difference for share in _MATTE)
    matte = (255 * np.clip((difference - low) / (high - low), 0, 1)).astype(np.uint8)
    for index in range(1, number):
        left, top, width, height, area = (int(value) for value in boxes[index])
        whole = left > 0 and top > 0 and left + width < columns and top + height < rows
        if whole and cutting.least_share <= area / (rows * columns) <= cutting.most_share:
            box = slice(top, top + height), slice(left, left + width)
            alpha = np.where(which[box] == index, matte[box], 0).astype(np.uint8)
            yield Cutout(frame[(slice(None), *box)].copy(), alpha, top, left)


def _follow(live: list[Track], found: list[Cutout], farthest: float) -> tuple[list[Track], list[Track]]:
    """Go on with the tracks at objects near them and of like size, the nearest pairs first; live and ended tracks."""
    pairs = []
    for number, track in enumerate(live):
        last = track[-1]
        for index, cutout in enumerate(found):
            distance = float(np.hypot(*(cutout.center - last.center)))
            if distance <= farthest and 0.6 < cutout.alpha.sum() / last.alpha.sum() < 1.7:
                pairs.append((distance, number, index))
    follower: dict[int, int] = {}
    for _, number, index in sorted(pairs):
        if number not in follower and index not in follower.values():
            follower[number] = index
            live[number].append(found[index])
    fresh = [[cutout] for index, cutout in enumerate(found) if index not in follower.values()]
    ended = [track for number, track in enumerate(live) if number not in follower]
    return [live[number] for number in follower] + fresh, ended
