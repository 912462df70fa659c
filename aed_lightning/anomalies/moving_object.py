"""A drawn object: figure, colors, texture and motion together make a sprite for any offset."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from aed_lightning.core import generator
from aed_lightning.core.clip import Sprite

from .figures import Figure, Part
from .outlines import turn
from .raster import Bounds, coverage, paint
from .textures import SIDE
from .trajectories import Motion


@dataclass(frozen=True)
class Look:
    """Colors and surface.

    palette, surface: gray levels, `surface` is added over the square around the figure. softness: standard deviation
    of the blur in pixels. noise: standard deviation of the sensor noise in gray levels. noise_seed: keys that noise.
    """

    texture: str
    palette: Float[np.ndarray, "colors channels"]
    surface: Float32[np.ndarray, "side side channels"]
    softness: float
    noise: float
    noise_seed: int


@dataclass(frozen=True)
class ProceduralObject:
    """One drawn object in frames of `frame_size` (height, width) pixels; see `MovingObject` for its promises.

    center: x, y of the middle of the figure at offset 0. pixels: of one unit of the figure. bounds: of the figure at
    offset 0, in its unit. mirrored: faces left. grade: how hard it is to find, or none.
    """

    figure: Figure
    look: Look
    motion: Motion
    frame_size: tuple[int, int]
    center: tuple[float, float]
    pixels: float
    bounds: Bounds
    mirrored: bool = False
    grade: str | None = None

    @property
    def speed(self) -> float:
        """Pixels per frame at the reference moment."""
        return self.motion.speed

    def sprite(self, offset: float | int) -> Sprite:
        """Draw the object `offset` frames from its reference moment, cut to the frame."""
        offset = float(offset)
        parts = self._parts_in_frame(offset)
        extent = Bounds.of(parts)
        margin = int(np.ceil(3 * self.look.softness)) + 1
        left, top = int(np.floor(extent.left)) - margin, int(np.floor(extent.top)) - margin
        width, height = int(np.ceil(extent.right)) + margin + 1 - left, int(np.ceil(extent.bottom)) + margin + 1 - top
        rows, columns = slice(max(0, -top), self.frame_size[0] - top), slice(max(0, -left), self.frame_size[1] - left)
        if rows.start >= min(rows.stop, height) or columns.start >= min(columns.stop, width):
            return Sprite.nothing(self.look.palette.shape[1])
        shift = np.array([left, top])
        local = [Part(tuple(contour - shift for contour in part.contours), part.color) for part in parts]
        alpha = self._blurred(coverage(local, height, width))[rows, columns]
        color = self._blurred(paint(local, self.look.palette, height, width)).reshape(height, width, -1)
        image = color[rows, columns] + self._surface(offset, left + columns.start, top + rows.start, alpha.shape)
        image = np.clip(image + self._sensor_noise(offset, alpha.shape), 0.0, 255.0).astype(np.uint8)
        return Sprite(
            np.ascontiguousarray(image.transpose(2, 0, 1)),
            np.ascontiguousarray(alpha),
            top + rows.start,
            left + columns.start,
        )

    def _to_frame(self, offset: float) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, " 2"]]:
        """Matrix and shift that take points of the figure, relative to its middle, into the frame."""
        matrix = turn(self.motion.angle(offset)) * (self.pixels * self.motion.scale(offset))
        if self.mirrored:
            matrix = matrix @ np.diag([-1.0, 1.0])
        return matrix, np.asarray(self.center) + self.motion.displacement(offset)

    def _parts_in_frame(self, offset: float) -> list[Part]:
        matrix, shift = self._to_frame(offset)
        shift = shift - matrix @ np.asarray(self.bounds.middle)
        # What stands still keeps its limbs still too.
        return self.figure.parts_at(offset if self.speed > 0 else 0.0, matrix, shift)

    def _surface(
        self, offset: float, left: int, top: int, size: tuple[int, int]
    ) -> Float32[np.ndarray, "h w channels"]:
        """The surface as the pixels from (left, top) on see it."""
        matrix, middle = self._to_frame(offset)
        samples = (SIDE - 1) / 2
        to_surface = np.linalg.inv(matrix) * (samples / max(self.bounds.half_size))
        shift = to_surface @ (np.array([left, top]) - middle) + samples
        affine = np.concatenate([to_surface, shift[:, None]], axis=1)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(self.look.surface, affine, size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
        return warped.reshape(*size, -1)

    def _sensor_noise(self, offset: float, size: tuple[int, int]) -> Float32[np.ndarray, "h w 1"]:
        """New noise for each offset, in thousandths of a frame."""
        moment = round(offset * 1000) % 2**32
        numbers = generator(self.look.noise_seed, "sensor noise", frame=moment)
        return numbers.standard_normal((*size, 1), dtype=np.float32) * np.float32(self.look.noise)

    def _blurred(self, image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (0, 0), self.look.softness)
