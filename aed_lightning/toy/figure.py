"""Flat figures: what stands on the ground, drawn on an upright plane that faces the camera."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int32

from .camera import Camera, Ground

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

Place = Sequence[int | float]
"""Where on the object: meters forward, left, up."""

_TURN = np.linspace(0.0, 2.0 * np.pi, 10, endpoint=False)
_DISC = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_SUBPIXEL_BITS = 4


class Figure:
    """Convex polygons in drawing order.

    Places on the object are (forward, left, up) in meters from its foot point; `flatten` brings them to the plane
    as (sideways, up), exact for the foot point's neighborhood.
    """

    def __init__(self, camera: Camera, ground: Ground, heading: float = 0.0) -> None:
        self.camera, self.at = camera, ground
        distance = math.hypot(*ground)
        away = (ground[0] / distance, ground[1] / distance)
        self.right = (away[1], -away[0])
        forward = (math.cos(heading), math.sin(heading))
        left = (-forward[1], forward[0])
        self.forward_sideways = forward[0] * self.right[0] + forward[1] * self.right[1]
        self.left_sideways = left[0] * self.right[0] + left[1] * self.right[1]
        self.left_away = left[0] * away[0] + left[1] * away[1]
        slope = camera.above / distance
        self._plane = np.array(
            [
                [self.forward_sideways, (forward[0] * away[0] + forward[1] * away[1]) * slope],
                [self.left_sideways, self.left_away * slope],
                [0.0, 1.0],
            ]
        )
        self.polygons: list[np.ndarray] = []
        self.colors: list[Color] = []

    def flatten(self, places: np.ndarray | Place | Sequence[Place]) -> np.ndarray:
        """(..., 3) places on the object to (..., 2) on the plane."""
        return np.asarray(places) @ self._plane

    def polygon(self, corners: np.ndarray, color: Color) -> None:
        """Add a convex polygon of (corners, 2) on the plane."""
        self.polygons.append(corners)
        self.colors.append(color)

    def face(self, places: Sequence[Place], color: Color) -> None:
        """Add a convex polygon of places on the object."""
        self.polygon(self.flatten(places), color)

    def disc(self, center: np.ndarray, radius: float, color: Color) -> None:
        """Add a disc around a point of the plane."""
        self.polygon(center + radius * _DISC, color)

    def bar(self, start: Place, end: Place, width: float, color: Color) -> None:
        """Add a straight bar between two places on the object, `width` meters thick."""
        ends = self.flatten((start, end))
        self.polygon(bars(ends[None], np.full((1, 2), width))[0], color)

    def wheel(self, center: Place, radius: float, color: Color) -> None:
        """Add a wheel that rolls forward: a disc in the plane of heading and up."""
        ring = np.stack([_DISC[:, 0] * radius, np.zeros(10), _DISC[:, 1] * radius], axis=1)
        self.polygon(self.flatten(np.asarray(center) + ring), color)

    def box(self, low: Place, high: Place, color: Color) -> None:
        """Add a box between two corners (forward, left, up): its near faces and, lighter, its top."""
        (u0, v0, z0), (u1, v1, z1) = low, high
        u_near = u1 if self._plane[0, 1] < 0 else u0
        v_near = v1 if self._plane[1, 1] < 0 else v0
        darker = shade(color, 0.72)
        self.face([(u_near, v0, z0), (u_near, v1, z0), (u_near, v1, z1), (u_near, v0, z1)], darker)
        self.face([(u0, v_near, z0), (u1, v_near, z0), (u1, v_near, z1), (u0, v_near, z1)], color)
        self.face([(u0, v0, z1), (u1, v0, z1), (u1, v1, z1), (u0, v1, z1)], shade(color, 1.2))

    def outlines(
        self, sun: Ground
    ) -> tuple[list[Int32[np.ndarray, "corners 2"]], list[Int32[np.ndarray, "corners 2"]]]:
        """The polygons and their shadows in 1/16 pixel.

        sun: how many meters (x, y) the shadow of a point one meter up lies from its foot.
        """
        points = np.concatenate(self.polygons)
        world = np.zeros((2, len(points), 3))
        world[:, :, 0] = self.at[0] + points[:, 0] * self.right[0]
        world[:, :, 1] = self.at[1] + points[:, 0] * self.right[1]
        world[0, :, 2] = points[:, 1]
        up = np.maximum(points[:, 1], 0.0)
        world[1, :, 0] += up * sun[0]
        world[1, :, 1] += up * sun[1]
        pixels = self.camera.project(world.reshape(-1, 3))
        fixed = np.rint(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        outlines, shadows, start = [], [], 0
        for polygon in self.polygons:
            end = start + len(polygon)
            outlines.append(fixed[start:end])
            shadows.append(fixed[len(points) + start : len(points) + end])
            start = end
        return outlines, shadows


def bars(ends: Float[np.ndarray, "bars 2 2"], widths: Float[np.ndarray, "bars 2"]) -> Float[np.ndarray, "bars 4 2"]:
    """Corners of straight bars on the plane from their two ends and the width at each, meters."""
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    along = along / length
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    first, last = across * widths[:, :1] / 2, across * widths[:, 1:] / 2
    return np.stack([ends[:, 0] - first, ends[:, 0] + first, ends[:, 1] + last, ends[:, 1] - last], axis=1)


def shade(color: Color, factor: float) -> Color:
    """The color, lighter or darker."""
    red, green, blue = (min(255, int(channel * factor)) for channel in color)
    return red, green, blue
