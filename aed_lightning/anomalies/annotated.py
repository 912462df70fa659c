"""Cut out what annotations mark, in video that data decodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Int64, UInt8

from aed_lightning.core import UsageError

from .cutting import Cutout, Track

BLUR = (3, 3)
Color = Literal["gray", "keep"]
AnnotatedFrame = tuple[UInt8[np.ndarray, "channels height width"], Mapping[int, Bool[np.ndarray, "rows columns"]]]
"""A frame as the store keeps it, and the pixels of each annotated object, by its track, at the size of the video."""


@dataclass(frozen=True)
class ObjectCutting:
    """Which annotated objects are cut out, and how.

    least_pixels: of an object in its video. most_share: of the frame that an object covers at most. shortest: frames
    in a row that fulfil both. color: gray as in the paper, or kept. Raises UsageError.
    """

    least_pixels: int = 267
    most_share: float = 0.008
    shortest: int = 7
    color: Color = "gray"

    def __post_init__(self) -> None:
        for name, low, high in (("least_pixels", 1, 1 << 24), ("most_share", 1e-5, 0.5), ("shortest", 2, 1000)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"UBnormalObjects: {name} is {getattr(self, name)}; give {low} to {high}")


def cut_annotated(
    frames: Iterable[AnnotatedFrame], cutting: ObjectCutting
) -> tuple[list[Track], Int64[np.ndarray, "height width"]]:
    """The annotated objects of one video, and of each pixel the number of frames in which one was there.

    A frame in which an object is hidden, too small or too large ends its track; it may begin another one later.
    """
    live: dict[int, Track] = {}
    ended: list[Track] = []
    covered = np.zeros((0, 0), np.int64)
    for frame, objects in frames:
        if not covered.size:
            covered = np.zeros(frame.shape[1:], np.int64)
        anywhere = np.zeros(frame.shape[1:], dtype=bool)
        going: dict[int, Track] = {}
        for number, pixels in objects.items():
            small = _resized(pixels, frame.shape[1:])
            anywhere |= small
            if pixels.sum() >= cutting.least_pixels and 0 < small.mean() <= cutting.most_share:
                going[number] = live.pop(number, [])
                going[number].append(_cut_out(frame, small, cutting.color))
        covered += anywhere
        ended += live.values()
        live = going
    ended += live.values()
    return [track for track in ended if len(track) >= cutting.shortest], covered


def _resized(pixels: Bool[np.ndarray, "rows columns"], size: tuple[int, ...]) -> Bool[np.ndarray, "height width"]:
    return cv2.resize(pixels.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST).astype(bool)


def _cut_out(
    frame: UInt8[np.ndarray, "channels height width"], mask: Bool[np.ndarray, "height width"], color: Color
) -> Cutout:
    """The object in its box, one pixel wider all round, blurred over its own pixels alone.

    So neither UBnormal's background nor black shines through at the soft edge.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(0, rows[0] - 1), max(0, columns[0] - 1)
    box = slice(top, rows[-1] + 2), slice(left, columns[-1] + 2)
    inside = mask[box]
    pixels = frame[(slice(None), *box)]
    if color == "gray" and len(pixels) == 3:
        gray = cv2.cvtColor(np.ascontiguousarray(pixels.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY)
        pixels = np.stack([gray] * 3)
    weight = _blurred(inside.astype(np.float32))
    image = [_blurred(np.where(inside, channel, 0).astype(np.float32)) / np.maximum(weight, 1e-6) for channel in pixels]
    alpha = np.where(inside, 255, 0).astype(np.uint8)
    return Cutout(np.stack(image).round().clip(0, 255).astype(np.uint8), alpha, int(top), int(left))


def _blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(image, BLUR, 0, borderType=cv2.BORDER_CONSTANT))
