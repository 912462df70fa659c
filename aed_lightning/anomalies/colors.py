"""What colors an object has. Gray levels 0 to 255 in one channel or three."""

import numpy as np
from jaxtyping import Float

PALETTE = 4
"""Main color, two others, and a dark one for wheels."""


def draw_color(
    generator: np.random.Generator, channels: int, brightness: tuple[float, float]
) -> Float[np.ndarray, " channels"]:
    """Any gray level; with three channels a muted color, or a saturated one in three of ten cases."""
    level = generator.uniform(*brightness)
    if channels == 1:
        return np.array([level])
    saturation = generator.uniform(0.45, 0.95) if generator.random() < 0.3 else generator.uniform(0.0, 0.3)
    hue = generator.uniform(0.0, 2 * np.pi)
    tint = np.cos(hue + np.array([0.0, 2 * np.pi / 3, 4 * np.pi / 3]))
    reach = min(level, 255.0 - level, 110.0)
    return np.clip(level + saturation * reach * tint, 0.0, 255.0)


def draw_palette(
    generator: np.random.Generator, channels: int, brightness: tuple[float, float]
) -> Float[np.ndarray, "4 channels"]:
    """Colors of the parts; one object in three is a silhouette, all of nearly one color."""
    main = draw_color(generator, channels, brightness)
    if generator.random() < 1 / 3:
        return np.clip(main + generator.normal(0.0, 6.0, (PALETTE, 1)), 0.0, 255.0)
    others = [draw_color(generator, channels, brightness) for _ in range(2)]
    dark = 0.15 * draw_color(generator, channels, brightness) + generator.uniform(10.0, 50.0)
    return np.stack([main, *others, dark])


def draw_difference(generator: np.random.Generator, channels: int, contrast: float) -> Float[np.ndarray, " channels"]:
    """From the dark to the bright of a texture: `contrast` gray levels on average over the channels."""
    if channels == 1:
        return np.array([contrast])
    weights = generator.uniform(0.4, 1.6, channels)
    return contrast * weights * (channels / weights.sum())
