"""Closed curves, as points, from which figures are put together.

Coordinates of a figure: x to the right, y down, any unit; the object scales them to pixels.
"""

import numpy as np
from jaxtyping import Float

Outline = Float[np.ndarray, "points 2"]

_CIRCLE = np.linspace(0.0, 2 * np.pi, 28, endpoint=False)
_COS, _SIN = np.cos(_CIRCLE), np.sin(_CIRCLE)
_HALF = np.linspace(-np.pi / 2, np.pi / 2, 7)
_HALF_CIRCLE = np.stack([np.cos(_HALF), np.sin(_HALF)], axis=1)
_QUARTER = np.linspace(0.0, np.pi / 2, 5)
_QUARTER_CIRCLE = np.stack([np.cos(_QUARTER), np.sin(_QUARTER)], axis=1)


def superellipse(x: float, y: float, half_width: float, half_height: float, exponent: float = 2.0) -> Outline:
    """|x/a|^n + |y/b|^n = 1 around (x, y): an ellipse for n = 2, nearly a box for large n."""
    power = 2.0 / exponent
    across = np.sign(_COS) * np.abs(_COS) ** power
    down = np.sign(_SIN) * np.abs(_SIN) ** power
    return np.stack([x + half_width * across, y + half_height * down], axis=1)


def disc(x: float, y: float, radius: float) -> Outline:
    """A circle around (x, y)."""
    return np.stack([x + radius * _COS, y + radius * _SIN], axis=1)


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> Outline:
    """All points within `radius` of the segment from `start` to `end`."""
    along = np.arctan2(end[1] - start[1], end[0] - start[0])
    cap = radius * _HALF_CIRCLE @ turn(along).T
    return np.concatenate([np.asarray(end) + cap, np.asarray(start) - cap])


def rounded_box(x: float, y: float, half_width: float, half_height: float, radius: float) -> Outline:
    """A box around (x, y) whose corners are quarter circles; `radius` up to the shorter half side."""
    corners = []
    for quarter, (right, down) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        corner = (x + right * (half_width - radius), y + down * (half_height - radius))
        corners.append(np.asarray(corner) + radius * _QUARTER_CIRCLE @ turn(quarter * np.pi / 2).T)
    return np.concatenate(corners)


def radial_polygon(
    angles: Float[np.ndarray, " points"], radii: Float[np.ndarray, " points"] | Float[np.ndarray, " 1"]
) -> Outline:
    """A polygon with a corner at each angle (radians, ascending) and distance from the origin."""
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def turn(angle: float) -> Float[np.ndarray, "2 2"]:
    """The matrix that turns column vectors by `angle` radians, clockwise as y points down."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
