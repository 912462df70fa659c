"""Convex polygons into pixels, with corners in 1/16 pixel."""

import cv2
import numpy as np
from jaxtyping import Int32, UInt8

from .figure import Color

_SUBPIXEL_BITS = 4


def fill_soft(
    image: UInt8[np.ndarray, "height width 3"], outline: Int32[np.ndarray, "corners 2"], color: Color
) -> None:
    """Fill with smooth edges."""
    cv2.fillConvexPoly(image, outline, color, cv2.LINE_AA, _SUBPIXEL_BITS)


def fill(image: UInt8[np.ndarray, "height width"], outline: Int32[np.ndarray, "corners 2"], value: int) -> None:
    """Fill with a number, hard edges: for maps of who is where."""
    cv2.fillConvexPoly(image, outline, value, cv2.LINE_8, _SUBPIXEL_BITS)
