"""Human figures: joints from a pose, polygons from the joints."""

import math
from dataclasses import dataclass, field

import numpy as np

from .figure import Color, Figure, bars, shade

Pair = tuple[float, float]
"""Left, right."""


@dataclass(frozen=True)
class Look:
    """What tells two people apart. height: meters. coat: how far down the legs the clothing reaches, 0 to 1.

    bag: the color of a bag in the right hand, or none.
    """

    height: float = 1.72
    shirt: Color = (60, 90, 160)
    trousers: Color = (40, 42, 50)
    skin: Color = (205, 160, 130)
    hair: Color = (50, 36, 26)
    coat: float = 0.0
    bag: Color | None = None


@dataclass(frozen=True)
class Pose:
    """Angles in radians, forward positive. lift: meters the feet are off the ground, as on a pedal or in a jump.

    spread: how far the arms are raised sideways. straddle: how far each leg stands out to its side.
    tilt: of the whole body backward about the heels, pi/2 is lying.
    """

    thighs: Pair = (0.0, 0.0)
    knees: Pair = (0.0, 0.0)
    arms: Pair = (0.0, 0.0)
    elbows: Pair = (0.15, 0.15)
    spread: Pair = (0.12, 0.12)
    straddle: float = 0.0
    lean: float = 0.03
    lift: float = 0.0
    tilt: float = 0.0


STANDING = Pose()


def stride(height: float, running: bool = False) -> float:
    """Meters covered in one cycle of two steps."""
    return height * (1.35 if running else 0.82)


def walking(phase: float, pace: float) -> Pose:
    """A walker's pose at a phase (radians) of the gait; pace 0 stands."""
    swing = math.sin(phase)
    return Pose(
        thighs=(0.48 * pace * swing, -0.48 * pace * swing),
        knees=(
            pace * (0.1 + 0.65 * max(0.0, math.cos(phase))),
            pace * (0.1 + 0.65 * max(0.0, -math.cos(phase))),
        ),
        arms=(-0.5 * pace * swing, 0.5 * pace * swing),
    )


def running(phase: float) -> Pose:
    """A runner's pose at a phase of the gait: longer steps, bent arms, both feet off the ground twice a cycle."""
    swing = math.sin(phase)
    return Pose(
        thighs=(0.25 + 0.85 * swing, 0.25 - 0.85 * swing),
        knees=(0.35 + 1.3 * max(0.0, math.cos(phase)), 0.35 + 1.3 * max(0.0, -math.cos(phase))),
        arms=(-1.0 * swing, 1.0 * swing),
        elbows=(1.5, 1.5),
        lean=0.22,
        lift=0.10 * abs(math.cos(phase)),
    )


@dataclass
class _Joints:
    places: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, u: float, v: float, z: float) -> tuple[float, float, float]:
        self.places.append((u, v, z))
        return u, v, z


def draw_person(figure: Figure, look: Look, pose: Pose, seat: tuple[float, float] | None = None) -> None:
    """Add a person to a figure.

    seat: (forward, up) meters of the hips; without it the lower foot stands on the ground.
    """
    joints = figure.flatten(_tilted(_joint_places(look.height, pose, seat), pose.tilt))
    _draw_body(figure, look, joints)


def _joint_places(height: float, pose: Pose, seat: tuple[float, float] | None) -> np.ndarray:
    bone = 0.245 * height
    legs = [(thigh, thigh - knee) for thigh, knee in zip(pose.thighs, pose.knees, strict=True)]
    reach = max(math.cos(upper) + math.cos(lower) for upper, lower in legs) * bone
    forward, hips = seat if seat is not None else (0.0, reach + pose.lift)
    joints = _Joints()
    joints.add(forward, 0.0, hips)
    sine, cosine = math.sin(pose.lean), math.cos(pose.lean)
    chest = joints.add(forward + 0.31 * height * sine, 0.0, hips + 0.31 * height * cosine)
    joints.add(chest[0] + 0.115 * height * sine, 0.0, chest[2] + 0.115 * height * cosine)
    for side, (upper, lower) in zip((1, -1), legs, strict=True):
        hip = joints.add(forward, side * 0.05 * height, hips)
        out = side * pose.straddle * bone
        knee = joints.add(hip[0] + bone * math.sin(upper), hip[1] + out, hip[2] - bone * math.cos(upper))
        joints.add(knee[0] + bone * math.sin(lower), knee[1] + out, knee[2] - bone * math.cos(lower))
    for side, swing, bend, raised in zip((1, -1), pose.arms, pose.elbows, pose.spread, strict=True):
        _add_arm(joints, chest, side, height, swing, bend, raised)
    return np.array(joints.places)


def _add_arm(
    joints: _Joints,
    chest: tuple[float, float, float],
    side: int,
    height: float,
    swing: float,
    bend: float,
    raised: float,
) -> None:
    bone = 0.165 * height
    shoulder = joints.add(chest[0], side * 0.115 * height, chest[2] - 0.01 * height)
    place = shoulder
    for angle in (swing, swing + bend):
        place = joints.add(
            place[0] + bone * math.sin(angle) * math.cos(raised),
            place[1] + side * bone * math.sin(raised),
            place[2] - bone * math.cos(angle) * math.cos(raised),
        )


def _tilted(places: np.ndarray, tilt: float) -> np.ndarray:
    if tilt == 0.0:
        return places
    sine, cosine = math.sin(tilt), math.cos(tilt)
    forward = places[:, 0] * cosine - places[:, 2] * sine
    up = places[:, 0] * sine + places[:, 2] * cosine
    return np.stack([forward, places[:, 1], up + 0.08], axis=1)


_LIMBS = np.array([(3, 4), (4, 5), (6, 7), (7, 8), (9, 10), (10, 11), (12, 13), (13, 14)])
_WIDTHS = np.array([(0.10, 0.085), (0.085, 0.06)] * 2 + [(0.072, 0.062), (0.062, 0.05)] * 2)


def _draw_body(figure: Figure, look: Look, joints: np.ndarray) -> None:
    height = look.height
    limbs = bars(joints[_LIMBS], _WIDTHS * height)
    far, near = (0, 1) if figure.left_away > 0 else (1, 0)
    sleeve = shade(look.shirt, 0.85)
    far_leg = shade(look.trousers, 0.85)
    for part, color in ((4, sleeve), (5, look.skin)):
        figure.polygon(limbs[part + 2 * far], color)
    for part in (0, 1):
        figure.polygon(limbs[part + 2 * far], far_leg)
    for part in (0, 1):
        figure.polygon(limbs[part + 2 * near], look.trousers)
    figure.polygon(_torso(figure, look, joints), look.shirt)
    figure.disc(joints[2], 0.078 * height, look.skin)
    crown = joints[2] + 0.25 * (joints[2] - joints[1])
    figure.disc(crown, 0.068 * height, look.hair)
    for part, color in ((4, sleeve), (5, look.skin)):
        figure.polygon(limbs[part + 2 * near], color)
    if look.bag is not None:
        hand = joints[14]
        size = np.array([0.11, 0.15]) * height
        corners = np.array([(-1.0, -2.0), (1.0, -2.0), (0.8, 0.0), (-0.8, 0.0)]) * size
        figure.polygon(hand + corners * np.array([0.5 + 0.5 * abs(figure.forward_sideways), 1.0]), look.bag)


def _torso(figure: Figure, look: Look, joints: np.ndarray) -> np.ndarray:
    hips, chest = joints[0], joints[1]
    axis = chest - hips
    length = max(float(np.hypot(*axis)), 1e-6)
    along = axis / length
    across = np.array([along[1], -along[0]])
    half = look.height * (0.065 + 0.065 * abs(figure.left_sideways))
    hem = hips - along * look.height * (0.03 + 0.24 * look.coat)
    hem_half = half * (0.86 + 0.3 * look.coat)
    return np.array(
        [
            hem - across * hem_half,
            hips - across * half * 0.88,
            chest - across * half,
            chest + along * 0.035 * look.height,
            chest + across * half,
            hips + across * half * 0.88,
            hem + across * hem_half,
        ]
    )
