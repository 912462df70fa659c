"""How objects move: displacement, turn and growth as functions of the offset in frames from the reference moment.

Velocities and speeds are pixels per frame, angles radians, y points down. Every motion passes its reference moment
with displacement (0, 0) and scale 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

Vector = tuple[float, float]
EVENT_FRAMES = 40
"""Length of a validation event, over which motions must stay in the frame."""


@dataclass(frozen=True)
class Motion:
    """Straight on with constant velocity, upright."""

    kind: ClassVar[str] = "straight"
    velocity: Vector

    @property
    def speed(self) -> float:
        """Pixels per frame at the reference moment."""
        return float(np.hypot(*self.velocity))

    def displacement(self, offset: float) -> Vector:
        """Pixels to the right and down since the reference moment."""
        return self.velocity[0] * offset, self.velocity[1] * offset

    def angle(self, offset: float) -> float:
        """Own rotation."""
        return 0.0

    def scale(self, offset: float) -> float:
        """Size relative to the reference moment."""
        return 1.0


@dataclass(frozen=True)
class Standing(Motion):
    """Does not move at all."""

    kind: ClassVar[str] = "standing"


@dataclass(frozen=True)
class Bobbing(Motion):
    """Straight on, going up and down by `height` pixels each `period` frames."""

    kind: ClassVar[str] = "bobbing"
    height: float
    period: float
    phase: float

    def displacement(self, offset: float) -> Vector:
        x, y = super().displacement(offset)
        bob = np.sin(2 * np.pi * offset / self.period + self.phase) - np.sin(self.phase)
        return x, y + self.height * float(bob)


@dataclass(frozen=True)
class Growing(Motion):
    """Straight on, growing or shrinking by the factor exp(`rate`) a frame as it comes or goes."""

    kind: ClassVar[str] = "growing"
    rate: float

    def scale(self, offset: float) -> float:
        return float(np.exp(self.rate * offset))


@dataclass(frozen=True)
class Spinning(Motion):
    """Turns by `spin` radians a frame while it moves; the one trait that all validation motions share."""

    kind: ClassVar[str] = "turning in place"
    spin: float

    def angle(self, offset: float) -> float:
        return self.spin * offset


@dataclass(frozen=True)
class Arc(Spinning):
    """Around a circle: the heading changes by `bend` radians a frame."""

    kind: ClassVar[str] = "arc"
    bend: float

    def displacement(self, offset: float) -> Vector:
        # The chord of the circle, as a turn of the straight way by half the change of heading.
        half = self.bend * offset / 2
        chord = offset * float(np.sinc(half / np.pi))
        x, y = self.velocity
        cos, sin = float(np.cos(half)), float(np.sin(half))
        return chord * (cos * x - sin * y), chord * (sin * x + cos * y)


@dataclass(frozen=True)
class Accelerating(Spinning):
    """The speed goes from (1 - change) to (1 + change) times that of the reference moment, mostly in `ramp` frames."""

    kind: ClassVar[str] = "accelerating"
    change: float
    ramp: float

    def displacement(self, offset: float) -> Vector:
        way = offset + self.change * self.ramp * float(np.log(np.cosh(offset / self.ramp)))
        return self.velocity[0] * way, self.velocity[1] * way


@dataclass(frozen=True)
class Zigzag(Spinning):
    """Constant speed; the heading jumps between that of `velocity` and one 2 * `swerve` radians on, each `leg` frames.

    `start` in (0, 1) says how much of a leg has passed at the reference moment.
    """

    kind: ClassVar[str] = "zigzag"
    swerve: float
    leg: float
    start: float

    def displacement(self, offset: float) -> Vector:
        elapsed = offset + self.start * self.leg
        ahead = self._frames_ahead(elapsed) - self._frames_ahead(self.start * self.leg)
        aside = offset - ahead
        x, y = self.velocity
        cos, sin = float(np.cos(2 * self.swerve)), float(np.sin(2 * self.swerve))
        return ahead * x + aside * (cos * x - sin * y), ahead * y + aside * (sin * x + cos * y)

    def _frames_ahead(self, elapsed: float) -> float:
        """How many of the frames since a leg began (negative: until it begins) are spent on the first heading."""
        pairs, rest = divmod(elapsed, 2 * self.leg)
        return pairs * self.leg + min(rest, self.leg)


def _signed(generator: np.random.Generator, low: float, high: float) -> float:
    """Between `low` and `high`, of either sign."""
    return float(generator.uniform(low, high) * generator.choice((-1.0, 1.0)))


def _spin(generator: np.random.Generator) -> float:
    return _signed(generator, 0.01, 0.09)


def straight(generator: np.random.Generator, velocity: Vector, size: float) -> Motion:
    """A plain `Motion`."""
    return Motion(velocity)


def bobbing(generator: np.random.Generator, velocity: Vector, size: float) -> Bobbing:
    """Bobs by at most 6 % of its size, in the rhythm of steps or of a rough road."""
    height, period, phase = size * generator.uniform(0.01, 0.06), generator.uniform(8, 24), generator.uniform(0, 6.3)
    return Bobbing(velocity, float(height), float(period), float(phase))


def growing(generator: np.random.Generator, velocity: Vector, size: float) -> Growing:
    """At most 1 % a frame."""
    return Growing(velocity, _signed(generator, 0.002, 0.01))


def arc(generator: np.random.Generator, velocity: Vector, size: float) -> Arc:
    """A sixth to a half of a circle in an event."""
    return Arc(velocity, _spin(generator), _signed(generator, np.pi / 3, np.pi) / EVENT_FRAMES)


def accelerating(generator: np.random.Generator, velocity: Vector, size: float) -> Accelerating:
    """Speeds up or brakes by 40 to 90 %."""
    return Accelerating(velocity, _spin(generator), _signed(generator, 0.4, 0.9), float(generator.uniform(5, 15)))


def zigzag(generator: np.random.Generator, velocity: Vector, size: float) -> Zigzag:
    """Two to five turns in an event."""
    swerve, leg = _signed(generator, 0.3, 0.8), float(generator.uniform(8, 18))
    return Zigzag(velocity, _spin(generator), swerve, leg, float(generator.uniform(0.05, 0.95)))


def standing(generator: np.random.Generator) -> Standing:
    """Stillness in training: a left bag, somebody on the ground."""
    return Standing((0.0, 0.0))


def turning(generator: np.random.Generator) -> Spinning:
    """Stillness in validation, but for the object's own rotation."""
    return Spinning((0.0, 0.0), _spin(generator))


DrawMotion = Callable[[np.random.Generator, Vector, float], Motion]
TRAINING_MOTIONS: tuple[DrawMotion, ...] = (straight, bobbing, growing)
VALIDATION_MOTIONS: tuple[DrawMotion, ...] = (arc, accelerating, zigzag)
