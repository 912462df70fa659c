"""Anomalies from the normal video itself: what moves there, cut out and made abnormal.

Cut-outs look more like what the camera sees than drawn objects do, so a network can tell them less by their looks and
has to learn what is wrong with them.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from jaxtyping import Float

from aed_lightning.core import UsageError
from aed_lightning.core.clip import Sprite

from .bank import Bank, PastesFromBank, there_and_back
from .cutting import Cutting
from .drawing import Range
from .source import MovingObject

Change = Literal["larger", "smaller", "faster", "gliding", "stiff", "turned", "stretched", "elsewhere", "recolored"]
"""larger, smaller, stretched: its shape. faster: than nearly all that were as high where it was cut, limbs too.

gliding: as fast, with resting limbs. stiff: with resting limbs at a walker's speed, as who rolls slowly.

turned: lying or upside down. elsewhere: where hardly anybody stands in normal video. recolored: inverted or tinted.
"""
CHANGES: tuple[Change, ...] = get_args(Change)

_SOFT_EDGE = 0.5
_FAST: frozenset[Change] = frozenset({"faster", "gliding"})
_MOVES: frozenset[Change] = _FAST | {"stiff"}
_FASTER = (1.2, 3.5)
"""Times a speed that only one in twenty of the normal objects exceeds."""
_STROLL = (0.5, 1.1)
"""The same for who is stiff and stood where it was cut."""
_RESTING = 0.2
"""Share of that speed below which an object stands and has no way of its own."""
_ROAMING_SIZE = (0.8, 1.3)
"""Times its size where it was cut: of a decoy that roams."""
_RARELY = 0.02
"""How often feet are at a place, on average 1, below which nobody is expected to stand there."""
_TRIES = 20


@dataclass(frozen=True)
class CutObject:
    """A cut object on its new way; see `MovingObject` for its promises.

    center: x, y at offset 0. velocity: pixels a frame. matrix: from the cut-out's pixels to the frame's, about the
    center. pace: frames of the track a frame, 0 for resting limbs. gain, lift: its gray levels become gain * v + lift,
    a number a channel. grade: what has happened to it, one of `Change`, or "several".
    """

    bank: Bank
    track: int
    position: int
    frame_size: tuple[int, int]
    center: tuple[float, float]
    velocity: tuple[float, float]
    matrix: Float[np.ndarray, "2 2"]
    pace: float
    gain: Float[np.ndarray, " channels"]
    lift: Float[np.ndarray, " channels"]
    grade: str

    @property
    def speed(self) -> float:
        """Pixels per frame."""
        return float(np.hypot(*self.velocity))

    def sprite(self, offset: float | int) -> Sprite:
        """The object `offset` frames from its reference moment, cut to the frame."""
        cutout = self.bank.cutout(self.track, self._moment(float(offset)))
        channels, height, width = cutout.image.shape
        x, y = (start + speed * offset for start, speed in zip(self.center, self.velocity, strict=True))
        reach = np.abs(self.matrix) @ np.array([width / 2, height / 2]) + 2
        left, top = max(0, int(np.floor(x - reach[0]))), max(0, int(np.floor(y - reach[1])))
        right = min(self.frame_size[1], int(np.ceil(x + reach[0])) + 1)
        bottom = min(self.frame_size[0], int(np.ceil(y + reach[1])) + 1)
        if left >= right or top >= bottom:
            return Sprite.nothing(channels)
        inverse = np.linalg.inv(self.matrix)
        shift = np.array([(width - 1) / 2, (height - 1) / 2]) - inverse @ np.array([x - left, y - top])
        affine = np.concatenate([inverse, shift[:, None]], axis=1)
        size, flags = (right - left, bottom - top), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        alpha = cv2.warpAffine(cutout.alpha, affine, size, flags=flags)
        image = cv2.warpAffine(
            np.ascontiguousarray(cutout.image.transpose(1, 2, 0)), affine, size, flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(size[1], size[0], channels)  # fmt: skip
        image = np.clip(image * self.gain + self.lift, 0, 255).astype(np.uint8)
        return Sprite(
            np.ascontiguousarray(image.transpose(2, 0, 1)), cv2.GaussianBlur(alpha, (0, 0), _SOFT_EDGE), top, left
        )

    def _moment(self, offset: float) -> int:
        return there_and_back(self.position + round(offset * self.pace), self.bank.length(self.track))


class SelfCut(PastesFromBank):
    """Objects of the training videos, made abnormal in one or more ways.

    changes: which of `Change` may happen. change_share: how likely each is; an object that none has happened to gets
    one. area_share: of the frame's pixels, bounds of an object's box after its changes. cutting: what counts as an
    object. decoys_roam: share of the decoys that are anywhere in the frame, a little larger or smaller than where they
    were cut: normal people walk where no training video shows one. For one fixed camera: all other objects keep their
    places, and all videos share one map of where feet are. Raises UsageError.
    """

    def __init__(
        self,
        changes: tuple[Change, ...] = ("larger", "smaller", "faster", "gliding", "turned", "stretched", "elsewhere"),
        change_share: float = 0.25,
        area_share: Range = (0.002, 0.13),
        cutting: Cutting | None = None,
        decoys_roam: float = 0.0,
    ) -> None:
        if not changes or set(changes) - set(CHANGES):
            raise UsageError(f"changes {list(changes)}: name one or more of {', '.join(CHANGES)}")
        if not 0 <= change_share <= 1:
            raise UsageError(f"change_share {change_share} is not between 0 and 1")
        if not 0 <= decoys_roam <= 1:
            raise UsageError(f"decoys_roam {decoys_roam} is not between 0 and 1")
        if not 0 < area_share[0] < area_share[1] <= 0.5:
            raise UsageError(f"area_share is {area_share}; give two ascending shares up to 0.5")
        self.changes, self.change_share, self.area_share = changes, change_share, area_share
        self.cutting, self.decoys_roam = cutting or Cutting(), decoys_roam

    def use(self, bank: Bank) -> None:
        """Take the objects from `bank`. Raises UsageError where none moves and `changes` only make faster."""
        super().use(bank)
        if bank.brisk == 0 and not set(self.changes) - _MOVES:
            raise UsageError(
                f"changes {list(self.changes)}: what was cut hardly ever moves on, so nothing is faster than normal; "
                "name other changes too"
            )

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """A cut object with one change or more. Raises UsageError before `use`."""
        bank = self.bank
        possible = [change for change in self.changes if bank.brisk or change not in _MOVES]
        changes = {change for change in possible if generator.random() < self.change_share}
        changes = changes or {possible[int(generator.integers(len(possible)))]}
        matrix = _matrix(generator, changes)
        growth = abs(float(np.linalg.det(matrix)))
        track, position, fit = self._choose(generator, bank, growth, frame_size)
        cutout = bank.cutout(track, position)
        brisk = bank.brisk * cutout.alpha.shape[0]
        velocity, pace = _motion(generator, changes, bank.velocity(track, position), brisk)
        matrix, velocity = _perhaps_mirrored(generator, matrix * fit, velocity)
        center = cutout.center
        if "elsewhere" in changes:
            center = _elsewhere(generator, bank.stood, float((np.abs(matrix) @ cutout.alpha.shape[::-1])[1] - 1) / 2)
        gain, lift = _recoloring(generator, changes, channels)
        return CutObject(
            bank, track, position, frame_size,
            center=_inside(center, frame_size),
            velocity=(float(velocity[0]), float(velocity[1])),
            matrix=matrix, pace=pace, gain=gain, lift=lift,
            grade=next(iter(changes)) if len(changes) == 1 else "several",
        )  # fmt: skip

    def draw_decoy(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> CutObject:
        """A cut object as it was, perhaps mirrored, in other light, where it was unless decoys roam.

        Raises UsageError before `use`.
        """
        bank = self.bank
        track, position, _ = self._choose(generator, bank, 1.0, frame_size)
        matrix, velocity = _perhaps_mirrored(generator, np.eye(2), bank.velocity(track, position))
        center = bank.cutout(track, position).center
        if generator.random() < self.decoys_roam:
            size = generator.uniform(*_ROAMING_SIZE)
            matrix, velocity = size * matrix, size * velocity
            center = generator.uniform(0.0, frame_size[::-1])
        gain, lift = _recoloring(generator, set(), channels)
        return CutObject(
            bank, track, position, frame_size,
            center=_inside(center, frame_size),
            velocity=(float(velocity[0]), float(velocity[1])),
            matrix=matrix, pace=1.0, gain=gain, lift=lift, grade="decoy",
        )  # fmt: skip

    def _choose(
        self, generator: np.random.Generator, bank: Bank, growth: float, frame_size: tuple[int, int]
    ) -> tuple[int, int, float]:
        """A track, a position in it, and the factor that brings its box, its area times `growth`, within bounds.

        One that fits as it is, if there is one: the factor could undo what makes it abnormal.
        """
        low, high = (share * frame_size[0] * frame_size[1] for share in self.area_share)
        track, position, fit = 0, 0, 1.0
        for _ in range(_TRIES):
            track = int(generator.integers(len(bank)))
            position = int(generator.integers(bank.length(track)))
            area = growth * bank.cutout(track, position).alpha.size
            fit = float(np.sqrt(np.clip(area, low, high) / area))
            if fit == 1.0:
                break
        return track, position, fit


def _motion(
    generator: np.random.Generator, changes: set[Change], velocity: Float[np.ndarray, " 2"], brisk: float
) -> tuple[Float[np.ndarray, " 2"], float]:
    """Velocity and pace; what lies or stands where it should not often rests.

    brisk: pixels a frame that hardly any object exceeds that is as high as this one was before its changes.
    """
    pace = 1.0
    if changes & _FAST:
        velocity = _moving(generator, velocity, brisk)
        velocity = velocity * (brisk * generator.uniform(*_FASTER) / float(np.hypot(*velocity)))
        pace = 0.0 if changes & {"gliding", "stiff"} else float(generator.uniform(1.0, 2.5))
    elif "stiff" in changes:
        velocity, pace = _moving(generator, velocity, brisk), 0.0
    elif changes & {"turned", "elsewhere"} and generator.random() < 0.5:
        velocity, pace = np.zeros(2), 0.0
    return velocity, pace


def _moving(generator: np.random.Generator, velocity: Float[np.ndarray, " 2"], brisk: float) -> Float[np.ndarray, " 2"]:
    """The velocity, or to the left or right where there is hardly any."""
    if float(np.hypot(*velocity)) > _RESTING * brisk:
        return velocity
    return np.array([generator.choice((-1.0, 1.0)) * brisk * generator.uniform(*_STROLL), 0.0])


def _perhaps_mirrored(
    generator: np.random.Generator, matrix: Float[np.ndarray, "2 2"], velocity: Float[np.ndarray, " 2"]
) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, " 2"]]:
    if generator.random() >= 0.5:
        return matrix, velocity
    return matrix @ np.diag([-1.0, 1.0]), velocity * np.array([-1.0, 1.0])


def _inside(center: Float[np.ndarray, " 2"], frame_size: tuple[int, int]) -> tuple[float, float]:
    """The center, moved into the frame where it is not."""
    return float(np.clip(center[0], 3, frame_size[1] - 4)), float(np.clip(center[1], 3, frame_size[0] - 4))


def _matrix(generator: np.random.Generator, changes: set[Change]) -> Float[np.ndarray, "2 2"]:
    matrix = np.eye(2)
    if "larger" in changes:
        matrix = matrix * generator.uniform(1.5, 2.5)
    elif "smaller" in changes:
        matrix = matrix * generator.uniform(0.4, 0.65)
    if "stretched" in changes:
        wider = generator.uniform(1.6, 2.6)
        matrix = np.diag([wider, 1.0] if generator.random() < 0.7 else [wider, wider**-0.5]) @ matrix
    if "turned" in changes:
        angle = generator.uniform(0.9, np.pi) * generator.choice((-1.0, 1.0))
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ matrix
    return matrix


def _elsewhere(
    generator: np.random.Generator, stood: Float[np.ndarray, "height width"], foot: float
) -> Float[np.ndarray, " 2"]:
    """A center whose foot, so many pixels below it, is where hardly anybody stands; any place if there is none."""
    height, width = stood.shape
    highest = int(np.ceil(4 + foot))
    rows, columns = np.nonzero(stood[highest : height - 4, 4 : width - 4] < _RARELY)
    if not len(rows):
        return np.array([generator.uniform(4, width - 5), generator.uniform(4, height - 5)])
    chosen = int(generator.integers(len(rows)))
    return np.array([columns[chosen] + 4.0, rows[chosen] + highest - foot])


def _recoloring(
    generator: np.random.Generator, changes: set[Change], channels: int
) -> tuple[Float[np.ndarray, " channels"], Float[np.ndarray, " channels"]]:
    """Factor and summand of each channel: always a little of both, for other light; recolored, another for each."""
    gain, lift = np.full(channels, generator.uniform(0.7, 1.3)), np.full(channels, generator.uniform(-25.0, 25.0))
    if "recolored" in changes:
        gain, lift = generator.uniform(-1.0, 1.0, channels), generator.uniform(40.0, 215.0, channels)
    return gain, lift
