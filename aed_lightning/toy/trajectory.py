"""Where something is in every frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from .camera import Ground

FPS = 12
_STEP = 0.1


@dataclass(frozen=True)
class Pause:
    """Stand still from `frame` on, for `frames` frames."""

    frame: int | float
    frames: int | float


@dataclass(frozen=True)
class Trajectory:
    """position: meters. heading: radians from +x. travelled: meters of way. pace: 1 at full speed, 0 standing."""

    position: Float[np.ndarray, "frames 2"]
    heading: Float[np.ndarray, " frames"]
    travelled: Float[np.ndarray, " frames"]
    pace: Float[np.ndarray, " frames"]

    def at(self, frame: int) -> Ground:
        """The place on the ground in a frame."""
        return float(self.position[frame, 0]), float(self.position[frame, 1])


def way_length(waypoints: list[Ground]) -> float:
    """Meters along straight lines through the waypoints."""
    steps = np.diff(np.array(waypoints), axis=0)
    return float(np.hypot(steps[:, 0], steps[:, 1]).sum())


def follow(
    waypoints: list[Ground], speed: float, start: float, frames: int, pauses: tuple[Pause, ...] = ()
) -> Trajectory:
    """Walk through the waypoints with rounded corners, at `speed` meters a second, from frame `start` on.

    Before `start` and after the end the way goes on straight, out of the picture.
    """
    knots = np.array(waypoints, dtype=float)
    first, last = knots[1] - knots[0], knots[-1] - knots[-2]
    reach = 60.0
    knots = np.concatenate(
        [[knots[0] - first / np.hypot(*first) * reach], knots, [knots[-1] + last / np.hypot(*last) * reach]]
    )
    at_knot = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    grid = np.arange(0.0, at_knot[-1], _STEP)
    way = np.stack([np.interp(grid, at_knot, knots[:, axis]) for axis in (0, 1)], axis=1)
    way = gaussian_filter1d(way, 6.0, axis=0, mode="nearest")

    clock = np.arange(frames, dtype=float)
    standing = sum((np.clip(clock - pause.frame, 0.0, pause.frames) for pause in pauses), np.zeros(frames))
    travelled = gaussian_filter1d((clock - start - standing) * speed / FPS, 1.5, mode="nearest")
    along = np.clip(travelled + reach, 0.0, grid[-1])
    position = np.stack([np.interp(along, grid, way[:, axis]) for axis in (0, 1)], axis=1)
    direction = np.gradient(way, axis=0)
    turn = np.unwrap(np.arctan2(direction[:, 1], direction[:, 0]))
    pace = np.clip(np.gradient(travelled) * FPS / speed, 0.0, 1.0)
    return Trajectory(position, np.interp(along, grid, turn), travelled, pace)
