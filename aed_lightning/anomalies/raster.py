"""Figures in pixels. Pixel (column i, row j) has its middle at x = i, y = j."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .figures import Figure, Part

_FRACTION_BITS = 6
_MEASURING_SIDE = 64


@dataclass(frozen=True)
class Bounds:
    """The box around some points, in their unit."""

    left: float
    top: float
    right: float
    bottom: float

    @staticmethod
    def of(parts: Sequence[Part]) -> "Bounds":
        """The box around all contours."""
        points = np.concatenate([contour for part in parts for contour in part.contours])
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        return Bounds(float(left), float(top), float(right), float(bottom))

    @property
    def middle(self) -> tuple[float, float]:
        """x and y halfway."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def half_size(self) -> tuple[float, float]:
        """Half the width, half the height."""
        return (self.right - self.left) / 2, (self.bottom - self.top) / 2


def coverage(parts: Sequence[Part], height: int, width: int) -> UInt8[np.ndarray, "{height} {width}"]:
    """How much of each pixel the parts cover together, 255 for all of it.

    OpenCV's own anti-aliasing makes figures half a pixel larger on every side, which doubles the smallest ones, so
    this samples each pixel several times instead.
    """
    samples = 4 if max(height, width) <= 96 else 2
    fine = np.zeros((height * samples, width * samples), np.uint8)
    for part in parts:
        cv2.fillPoly(
            fine, [_fixed_point(c * samples + (samples - 1) / 2) for c in part.contours], 255, 8, _FRACTION_BITS
        )
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def paint(
    parts: Sequence[Part], palette: Float[np.ndarray, "colors channels"], height: int, width: int
) -> UInt8[np.ndarray, "{height} {width} channels"]:
    """The colors of the parts, spilling a little over their edges so that a soft edge shows no other color."""
    canvas = np.empty((height, width, palette.shape[1]), np.uint8)
    canvas[:] = palette[parts[-1].color].astype(np.uint8)
    contours = [[_fixed_point(contour) for contour in part.contours] for part in parts]
    colors = [tuple(palette[part.color].tolist()) for part in parts]
    if len({part.color for part in parts}) > 1:
        for outline, color in zip(contours, colors, strict=True):
            cv2.polylines(canvas, outline, True, color, 3, cv2.LINE_8, _FRACTION_BITS)
        for outline, color in zip(contours, colors, strict=True):
            cv2.fillPoly(canvas, outline, color, cv2.LINE_AA, _FRACTION_BITS)
    return canvas


def measure(figure: Figure) -> tuple[float, Bounds]:
    """The figure's area at its reference moment, in its unit squared, and its bounds then."""
    parts = figure.parts_at(0.0)
    bounds = Bounds.of(parts)
    scale = (_MEASURING_SIDE - 4) / (2 * max(bounds.half_size))
    corner = np.array([bounds.left, bounds.top]) - 2 / scale
    scaled = [Part(tuple((contour - corner) * scale for contour in part.contours)) for part in parts]
    covered = coverage(scaled, _MEASURING_SIDE, _MEASURING_SIDE)
    return float(covered.sum()) / 255 / scale**2, bounds


def _fixed_point(contour: Float[np.ndarray, "points 2"]) -> np.ndarray:
    return np.rint(contour * (1 << _FRACTION_BITS)).astype(np.int32)
