"""Two built-in sources that share no shape, texture or motion: one to train on, one to validate with.

A model that has only learned to spot the training figures fails on the validation figures, which is what the
validation is for. Neither needs outside data (method, section 6). Neither sees the frame, so an object may happen to
look like what is behind it, as real ones do.

`draw` says MovingObject and gives a ProceduralObject, which has a `grade`: jsonargparse takes a class for a protocol
only if both have the same signatures.
"""

import numpy as np

from .drawing import Range, Ranges, Repertoire, draw_object
from .source import MovingObject
from .textures import TRAINING_TEXTURES, VALIDATION_TEXTURES
from .training_shapes import TRAINING_SHAPES
from .trajectories import EVENT_FRAMES, TRAINING_MOTIONS, VALIDATION_MOTIONS, standing, turning
from .validation_shapes import VALIDATION_SHAPES

TRAINING = Repertoire(TRAINING_SHAPES, TRAINING_TEXTURES, TRAINING_MOTIONS, standing, stay_frames=0)
VALIDATION = Repertoire(VALIDATION_SHAPES, VALIDATION_TEXTURES, VALIDATION_MOTIONS, turning, stay_frames=EVENT_FRAMES)

GRADES = ("hard", "medium", "easy")
"""From small, faint and slow to large, rich in contrast and fast: the thirds of the three ranges."""


class ProceduralTraining:
    """Round outlines, people, riders and carts; smooth textures; straight ways.

    area_share: of the frame's pixels. speed_share: of the frame's width (up or down: of its height) per frame.
    static_share: of the objects that stand still. brightness: gray levels of the parts. contrast: gray levels between
    the dark and the bright of a texture. softness_pixels: standard deviation of the blur. noise_levels: standard
    deviation of the sensor noise in gray levels. Area, speed and contrast are drawn log-uniformly from their ranges.
    Raises UsageError for a range that is none.
    """

    def __init__(
        self,
        area_share: Range = (0.002, 0.03),
        speed_share: Range = (0.001, 0.03),
        static_share: float = 0.15,
        brightness: Range = (15.0, 240.0),
        contrast: Range = (5.0, 80.0),
        softness_pixels: Range = (0.4, 0.9),
        noise_levels: Range = (0.0, 3.0),
    ) -> None:
        self.ranges = Ranges(area_share, speed_share, static_share, brightness, contrast, softness_pixels, noise_levels)

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object to train on, without a grade."""
        return draw_object(generator, self.ranges, TRAINING, frame_size, channels)


class ProceduralValidation:
    """Corners, holes and arms; stripes, checks and speckle; curved, uneven and turning ways.

    Arguments as for `ProceduralTraining`. At the default speeds an event of 40 frames stays mostly in the frame. Each
    object has a `grade`, "easy", "medium" or "hard", equally often, that says from which third of the ranges its
    area, contrast and speed come.
    """

    def __init__(
        self,
        area_share: Range = (0.002, 0.03),
        speed_share: Range = (0.001, 0.018),
        static_share: float = 0.15,
        brightness: Range = (15.0, 240.0),
        contrast: Range = (15.0, 140.0),
        softness_pixels: Range = (0.4, 0.9),
        noise_levels: Range = (0.0, 3.0),
    ) -> None:
        self.ranges = Ranges(area_share, speed_share, static_share, brightness, contrast, softness_pixels, noise_levels)

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object of a validation event, with its grade."""
        third = int(generator.integers(len(GRADES)))
        return draw_object(generator, self.ranges, VALIDATION, frame_size, channels, third, GRADES[third])
