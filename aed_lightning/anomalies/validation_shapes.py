"""The figures that only validation shows: corners, holes and arms, none of which the training figures have."""

from collections.abc import Callable

import numpy as np

from .figures import Figure, Part
from .outlines import Outline, disc, radial_polygon, turn


def _figure(kind: str, generator: np.random.Generator, *contours: Outline) -> Figure:
    """One part of one color, stretched by up to 1.5 and turned by any angle."""
    stretch = np.diag([generator.uniform(1.0, 1.5), 1.0])
    return Figure(kind, (Part(contours),), turn(generator.uniform(0.0, 2 * np.pi)) @ stretch)


def triangle(generator: np.random.Generator) -> Figure:
    """Three corners, none sharper than some 40 degrees before stretching."""
    angles = np.arange(3) * (2 * np.pi / 3) + generator.uniform(-0.3, 0.3, 3)
    return _figure("triangle", generator, radial_polygon(angles, np.ones(1)))


def convex_polygon(generator: np.random.Generator) -> Figure:
    """Four to seven corners on a circle, unevenly spaced."""
    corners = int(generator.integers(4, 8))
    spacing = generator.uniform(0.6, 1.4, corners)
    angles = np.cumsum(spacing) * (2 * np.pi / spacing.sum())
    return _figure("convex polygon", generator, radial_polygon(angles, np.ones(1)))


def concave_polygon(generator: np.random.Generator) -> Figure:
    """Six to ten corners at uneven distance from the middle."""
    corners = int(generator.integers(6, 11))
    angles = (np.arange(corners) + generator.uniform(-0.25, 0.25, corners)) * (2 * np.pi / corners)
    return _figure("concave polygon", generator, radial_polygon(angles, generator.uniform(0.5, 1.2, corners)))


def star(generator: np.random.Generator) -> Figure:
    """Four to seven rays."""
    rays = int(generator.integers(4, 8))
    radii = np.tile([1.0, generator.uniform(0.45, 0.65)], rays)
    return _figure("star", generator, radial_polygon(np.arange(2 * rays) * (np.pi / rays), radii))


def ring(generator: np.random.Generator) -> Figure:
    """A disc with a hole of 0.35 to 0.6 of its radius."""
    return _figure("ring", generator, disc(0.0, 0.0, 1.0), disc(0.0, 0.0, generator.uniform(0.35, 0.6)))


def cross(generator: np.random.Generator) -> Figure:
    """Two bars at right angles."""
    arm, width = 1.0, generator.uniform(0.28, 0.45)
    corner = np.array([[arm, -width], [arm, width], [width, width]])
    return _figure("cross", generator, np.concatenate([corner @ turn(i * np.pi / 2).T for i in range(4)]))


VALIDATION_SHAPES: tuple[Callable[[np.random.Generator], Figure], ...] = (
    triangle,
    convex_polygon,
    concave_polygon,
    star,
    ring,
    cross,
)
