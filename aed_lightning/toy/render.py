"""One video: frames with their light, and who is seen where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from .camera import Camera
from .figure import Figure
from .light import Light
from .raster import fill, fill_soft
from .scene import Scene


@runtime_checkable
class Actor(Protocol):
    """Somebody or something in a video.

    kind: what its anomaly is called, "" for the normal.
    """

    @property
    def kind(self) -> str: ...

    def figure(self, camera: Camera, frame: int) -> Figure | None:
        """How it looks in a frame, or none where it is not in the picture."""

    def anomalous(self, frame: int) -> bool:
        """Whether what it does in this frame is anomalous."""


@dataclass(frozen=True)
class Sighting:
    """The visible pixels of one anomalous actor; track: its number in the video's cast."""

    track: int
    kind: str
    mask: Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class Picture:
    """A frame and the anomalous actors that show enough of themselves in it."""

    image: UInt8[np.ndarray, "height width 3"]
    sightings: tuple[Sighting, ...]


def least_visible(size: tuple[int, int]) -> int:
    """How many pixels an anomalous actor must show to count in a frame."""
    return max(12, round(0.0015 * size[0] * size[1]))


def render(scene: Scene, light: Light, cast: Sequence[Actor], frames: int) -> Iterator[Picture]:
    """Draw a video."""
    still = np.zeros(scene.camera.size, np.uint8)
    for figure in scene.prop_figures:
        for shadow in figure.outlines(light.sun)[1]:
            fill(still, shadow, 255)
    for frame in range(frames):
        image, who = _compose(scene, light, still, cast, frame)
        yield Picture(light(image, frame), tuple(_sightings(cast, who, frame)))


def _compose(
    scene: Scene, light: Light, still: np.ndarray, cast: Sequence[Actor], frame: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """The unlit picture, and a map of the anomalous actors (place in the cast + 1), or none where there is none."""
    present = [(index, actor.figure(scene.camera, frame)) for index, actor in enumerate(cast)]
    figures = [(index, figure, *figure.outlines(light.sun)) for index, figure in present if figure is not None]
    image = _with_shadows(scene, light, still, [shadow for *_, shadows in figures for shadow in shadows])
    watched = any(cast[index].anomalous(frame) for index, *_ in figures)
    who = np.zeros(scene.camera.size, np.uint8) if watched else None
    props = list(scene.props)
    for index, figure, outlines, _ in sorted(figures, key=lambda entry: -entry[1].at[1]):
        while props and props[0].ground[1] > figure.at[1]:
            _restore(scene, props.pop(0).mask, image, who)
        number = index + 1 if cast[index].anomalous(frame) else 0
        for outline, color in zip(outlines, figure.colors, strict=True):
            fill_soft(image, outline, color)
            if who is not None:
                fill(who, outline, number)
    for prop in props:
        _restore(scene, prop.mask, image, who)
    return image, who


def _restore(scene: Scene, mask: np.ndarray, image: np.ndarray, who: np.ndarray | None) -> None:
    np.copyto(image, scene.background, where=mask[..., None])
    if who is not None:
        who[mask] = 0


def _with_shadows(scene: Scene, light: Light, still: np.ndarray, shadows: list[np.ndarray]) -> np.ndarray:
    shadow = still.copy()
    for outline in shadows:
        fill(shadow, outline, 255)
    shadow *= scene.open_ground
    width = 2 * round(scene.camera.size[0] / 90) + 1
    shadow = cv2.blur(shadow, (width, width))
    keep = cv2.convertScaleAbs(shadow, alpha=-light.shade, beta=255)
    return cv2.multiply(scene.background, cv2.merge((keep, keep, keep)), scale=1 / 255)


def _sightings(cast: Sequence[Actor], who: np.ndarray | None, frame: int) -> Iterator[Sighting]:
    if who is None:
        return
    least = least_visible((who.shape[0], who.shape[1]))
    counts = np.bincount(who.ravel(), minlength=len(cast) + 1)
    for index in np.flatnonzero(counts[1:] >= least).tolist():
        yield Sighting(index, cast[index].kind, who == index + 1)
