"""The one camera: a pinhole that looks down on a ground plane measured in meters."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Ground = tuple[float, float]
"""A place on the ground, meters: x to the right of the camera, y away from it."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the origin of the ground, turned down toward +y.

    size: (height, width) pixels. above: meters above the ground. pitch: radians below the horizon.
    focal: focal length in frame heights, so that every size sees the same field vertically.
    """

    size: tuple[int, int] = (180, 320)
    above: float = 5.0
    pitch: float = math.radians(23.0)
    focal: float = 1.95

    @property
    def focal_pixels(self) -> float:
        """Focal length in pixels."""
        return self.focal * self.size[0]

    def depth(self, y: float, z: float = 0.0) -> float:
        """Meters along the optical axis to a point y ahead and z above the ground."""
        return y * math.cos(self.pitch) + (self.above - z) * math.sin(self.pitch)

    def edge(self, y: float) -> float:
        """Half the width of the ground, in meters, that is seen y ahead."""
        return 0.5 * self.size[1] / self.focal_pixels * self.depth(y)

    def project(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Pixels (x to the right, y down, centers of pixels at whole numbers) of points in meters."""
        x, y, z = points[:, 0], points[:, 1], points[:, 2] - self.above
        sine, cosine = math.sin(self.pitch), math.cos(self.pitch)
        scale = self.focal_pixels / (y * cosine - z * sine)
        down = -(y * sine + z * cosine)
        height, width = self.size
        return np.stack([x * scale + width / 2 - 0.5, down * scale + height / 2 - 0.5], axis=1)

    def ground(self, supersampling: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the centers of a finer grid of pixels meet the ground: x and y in meters, inf above the horizon."""
        height, width = self.size
        rows = (np.arange(height * supersampling) + 0.5) / supersampling - height / 2
        columns = (np.arange(width * supersampling) + 0.5) / supersampling - width / 2
        down = rows[:, None] * math.cos(self.pitch) + self.focal_pixels * math.sin(self.pitch)
        ahead = -rows[:, None] * math.sin(self.pitch) + self.focal_pixels * math.cos(self.pitch)
        reach = np.where(down > 0, self.above / np.maximum(down, 1e-9), np.inf)
        return columns[None, :] * reach, np.broadcast_to(ahead * reach, (rows.size, columns.size))
