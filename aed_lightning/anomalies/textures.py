"""Patterns, as signed fields in [-1, 1] over the square that an object fills.

A field times a color difference in gray levels is what the object adds to the color of its parts.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32

SIDE = 48
"""Samples along a side of the square."""

Field = Float32[np.ndarray, "48 48"]
Texture = Callable[[np.random.Generator], Field]

_X, _Y = np.meshgrid(*[np.linspace(-1.0, 1.0, SIDE, dtype=np.float32)] * 2)


def _smooth_noise(generator: np.random.Generator, cells: int) -> Field:
    """Noise whose bumps are 1/cells of the square."""
    coarse = generator.uniform(-1.0, 1.0, (cells + 1, cells + 1)).astype(np.float32)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def _ramp(generator: np.random.Generator) -> Field:
    """Straight across, from -1.4 to 1.4 at most, in any direction."""
    angle = generator.uniform(0.0, 2 * np.pi)
    return np.float32(np.cos(angle)) * _X + np.float32(np.sin(angle)) * _Y


def flat(generator: np.random.Generator) -> Field:
    """Nothing on it."""
    return np.zeros((SIDE, SIDE), np.float32)


def linear_gradient(generator: np.random.Generator) -> Field:
    """Brighter toward one side."""
    return np.clip(_ramp(generator), -1.0, 1.0)


def radial_gradient(generator: np.random.Generator) -> Field:
    """Brightest at a spot near the middle."""
    x, y = generator.uniform(-0.4, 0.4, 2)
    distance = np.hypot(_X - np.float32(x), _Y - np.float32(y))
    return np.clip(1.0 - 2.0 * distance, -1.0, 1.0)


def cloudy(generator: np.random.Generator) -> Field:
    """Smooth noise of three scales."""
    sum_of_scales = (
        _smooth_noise(generator, 3) + 0.6 * _smooth_noise(generator, 6) + 0.35 * _smooth_noise(generator, 12)
    )
    return np.clip(sum_of_scales, -1.0, 1.0)


def two_tone(generator: np.random.Generator) -> Field:
    """Large patches of two tones with a soft border."""
    return np.tanh(5.0 * (_smooth_noise(generator, 3) + np.float32(generator.uniform(-0.2, 0.2))))


def stripes(generator: np.random.Generator) -> Field:
    """Parallel bars, three to six across the square."""
    wave = np.sin(_ramp(generator) * np.float32(np.pi * generator.uniform(3.0, 6.0)))
    return np.tanh(3.0 * wave)


def checks(generator: np.random.Generator) -> Field:
    """A board of three to six fields a side."""
    frequency = np.float32(np.pi * generator.uniform(1.5, 3.0))
    shift_x, shift_y = generator.uniform(0.0, np.pi, 2)
    board = np.sin(frequency * _X + np.float32(shift_x)) * np.sin(frequency * _Y + np.float32(shift_y))
    return np.tanh(6.0 * board)


def speckle(generator: np.random.Generator) -> Field:
    """Dots of one size, strewn."""
    cells = int(generator.integers(8, 17))
    dots = np.where(generator.random((cells, cells)) < 0.35, 1.0, -0.6).astype(np.float32)
    return cv2.resize(dots, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def shading(generator: np.random.Generator) -> Field:
    """Light from above and from one side, falling off toward the rim."""
    side = np.float32(generator.uniform(-0.5, 0.5))
    return np.clip(0.25 - 0.6 * _Y - side * _X - 0.4 * (_X**2 + _Y**2), -1.0, 1.0)


TRAINING_TEXTURES: tuple[Texture, ...] = (flat, linear_gradient, radial_gradient, cloudy, two_tone)
VALIDATION_TEXTURES: tuple[Texture, ...] = (stripes, checks, speckle)
