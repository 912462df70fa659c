"""Drawing one object from ranges and a repertoire: the order of the dice, the same for both procedural sources."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aed_lightning.core import UsageError

from .colors import draw_difference, draw_palette
from .figures import Figure
from .moving_object import Look, ProceduralObject
from .raster import Bounds, measure
from .textures import Texture, shading
from .trajectories import DrawMotion, Motion

Range = tuple[float, float]

SMALLEST_AREA = 16.0
"""Pixels; below it soft edges leave nothing opaque."""

_SHADING_LEVELS = (0.0, 30.0)


@dataclass(frozen=True)
class Ranges:
    """From what objects are drawn; units as in `ProceduralTraining`. UsageError for a range that is none."""

    area_share: Range
    speed_share: Range
    static_share: float
    brightness: Range
    contrast: Range
    softness_pixels: Range
    noise_levels: Range

    def __post_init__(self) -> None:
        limits = {
            "area_share": (1e-6, 0.5),
            "speed_share": (1e-6, 1.0),
            "brightness": (0.0, 255.0),
            "contrast": (1e-3, 255.0),
            "softness_pixels": (0.1, 10.0),
            "noise_levels": (0.0, 64.0),
        }
        for name, (least, most) in limits.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise UsageError(f"{name} is ({low}, {high}); give two ascending numbers from {least} to {most}.")
        if not 0.0 <= self.static_share <= 1.0:
            raise UsageError(f"static_share is {self.static_share}; give a share from 0 to 1.")


@dataclass(frozen=True)
class Repertoire:
    """What a source can draw. stay_frames: how long around offset 0 a motion is kept in the frame, if it fits."""

    shapes: tuple[Callable[[np.random.Generator], Figure], ...]
    textures: tuple[Texture, ...]
    motions: tuple[DrawMotion, ...]
    stillness: Callable[[np.random.Generator], Motion]
    stay_frames: int


def draw_object(
    generator: np.random.Generator,
    ranges: Ranges,
    repertoire: Repertoire,
    frame_size: tuple[int, int],
    channels: int,
    third: int | None = None,
    grade: str | None = None,
) -> ProceduralObject:
    """An object whose area, speed and contrast come from the given third (0 to 2) of their ranges, or from all."""
    height, width = frame_size
    figure = repertoire.shapes[generator.integers(len(repertoire.shapes))](generator)
    unit_area, bounds = measure(figure)
    area = max(SMALLEST_AREA, _log_uniform(generator, ranges.area_share, third) * height * width)
    pixels = float(np.sqrt(area / unit_area))
    motion = _draw_motion(generator, ranges, repertoire, frame_size, 2 * pixels * bounds.half_size[1], third)
    return ProceduralObject(
        figure=figure,
        look=_draw_look(generator, ranges, repertoire, channels, float(np.sqrt(area)), third),
        motion=motion,
        frame_size=frame_size,
        center=_draw_center(generator, motion, bounds, pixels, frame_size, repertoire.stay_frames),
        pixels=pixels,
        bounds=bounds,
        mirrored=motion.velocity[0] < 0 or (motion.speed == 0 and bool(generator.random() < 0.5)),
        grade=grade,
    )


def _draw_motion(
    generator: np.random.Generator,
    ranges: Ranges,
    repertoire: Repertoire,
    frame_size: tuple[int, int],
    size: float,
    third: int | None,
) -> Motion:
    share = _log_uniform(generator, ranges.speed_share, third)
    if generator.random() < ranges.static_share:
        return repertoire.stillness(generator)
    heading = generator.uniform(0.0, 2 * np.pi)
    velocity = (float(share * frame_size[1] * np.cos(heading)), float(share * frame_size[0] * np.sin(heading)))
    return repertoire.motions[generator.integers(len(repertoire.motions))](generator, velocity, size)


def _draw_look(
    generator: np.random.Generator,
    ranges: Ranges,
    repertoire: Repertoire,
    channels: int,
    side: float,
    third: int | None,
) -> Look:
    """side: of a square as large as the object, in pixels; small objects get harder edges, or they would fade."""
    texture = repertoire.textures[generator.integers(len(repertoire.textures))]
    contrast = _log_uniform(generator, ranges.contrast, third)
    difference = draw_difference(generator, channels, contrast)
    # Room for the texture: black and white would swallow half of it.
    palette = np.clip(draw_palette(generator, channels, ranges.brightness), contrast / 2, 255 - contrast / 2)
    light = generator.uniform(*_SHADING_LEVELS) * shading(generator)
    surface = texture(generator)[..., None] * (difference / 2) + light[..., None]
    return Look(
        texture=texture.__name__,
        palette=palette,
        surface=surface.astype(np.float32),
        softness=min(generator.uniform(*ranges.softness_pixels), 0.1 * side),
        noise=generator.uniform(*ranges.noise_levels),
        noise_seed=int(generator.integers(2**63)),
    )


def _draw_center(
    generator: np.random.Generator,
    motion: Motion,
    bounds: Bounds,
    pixels: float,
    frame_size: tuple[int, int],
    stay_frames: int,
) -> tuple[float, float]:
    """Where the whole way of `stay_frames` lies in the frame; where it does not fit, its middle is in the middle."""
    moments = np.linspace(-stay_frames / 2, stay_frames / 2, 9)
    way = np.array([motion.displacement(moment) for moment in moments])
    center = []
    for axis, length in enumerate((frame_size[1], frame_size[0])):
        # Two thirds of the object may not leave the frame at offset 0, nor its center at the ends of the way.
        margin = min(0.6 * pixels * bounds.half_size[axis], 0.4 * length)
        low, high = margin - way[:, axis].min(), length - 1 - margin - way[:, axis].max()
        place = generator.uniform(low, high) if low < high else (low + high) / 2
        center.append(float(np.clip(place, margin, length - 1 - margin)))
    return center[0], center[1]


def _log_uniform(generator: np.random.Generator, limits: Range, third: int | None) -> float:
    share = generator.random()
    if third is not None:
        share = (third + share) / 3
    low, high = limits
    return float(low * (high / low) ** share)
