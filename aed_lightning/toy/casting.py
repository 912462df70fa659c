"""From a plan to the cast: ways, looks and times of everybody in a video."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from aed_lightning.core import generator

from .actors import ALWAYS, Bag, Ball, Dancer, Faller, LawnWalker, Mover, Runner, Span, UmbrellaBearer
from .camera import Camera, Ground
from .people import Look
from .render import Actor
from .schedule import Event, VideoPlan
from .trajectory import FPS, Pause, Trajectory, follow, way_length
from .wardrobe import dress
from .wheels import Cart, Cyclist, Dog, Scooter, Skateboarder

_NEAR, _FAR = (7.0, 9.4), (14.8, 18.0)
"""Distances of the two streets that cross the plaza, meters."""


def cast_video(plan: VideoPlan, camera: Camera, seed: int) -> list[Actor]:
    """Everybody and everything that moves in a video."""
    cast: list[Actor] = list(_crowd(plan, camera, seed))
    for number, event in enumerate(plan.events):
        stage = _Stage(plan, camera, generator(seed, "toy event", plan.name, number), event)
        cast += _SCENES[event.kind](stage)
    return cast


def _crowd(plan: VideoPlan, camera: Camera, seed: int) -> list[Mover]:
    random = generator(seed, "toy crowd", plan.name)
    people = []
    for _ in range(plan.crowd):
        moment = random.uniform(-0.1, 1.1) * plan.frames
        people.append(_walker(plan, _route(random, camera), moment, random))
    for share in plan.quiet:
        direction = 1 if random.random() < 0.5 else -1
        for _ in range(int(random.integers(2, 4))):
            waypoints = _crossing(camera, float(random.uniform(*_NEAR)), direction, float(random.uniform(-0.5, 0.5)))
            moment = share * plan.frames + random.normal(0.0, 9.0)
            people.append(_walker(plan, waypoints, moment, random))
    return people


def _walker(plan: VideoPlan, waypoints: list[Ground], middle: float, random: np.random.Generator) -> Mover:
    """Somebody who is half way at frame `middle`."""
    speed = float(random.uniform(0.9, 1.3))
    start = middle - way_length(waypoints) / speed * FPS / 2
    pauses: tuple[Pause, ...] = ()
    if random.random() < 0.25:
        pauses = (Pause(middle + random.uniform(-50.0, 50.0), random.uniform(15.0, 45.0)),)
    way = follow(waypoints, speed, start, plan.frames, pauses)
    return Mover(way, dress(random), float(random.uniform(0, 2 * math.pi)))


def _crossing(camera: Camera, y: float, direction: int, slant: float = 0.0) -> list[Ground]:
    """From one side of the picture to the other, `slant` meters farther at its end."""
    edge = direction * (camera.edge(y) + 1.5)
    return [(-edge, y - slant), (edge, y + slant)]


def _route(random: np.random.Generator, camera: Camera) -> list[Ground]:
    """A way over the paving that leaves lawn, benches and fountain alone."""
    near, far = float(random.uniform(*_NEAR)), float(random.uniform(*_FAR))
    middle = float(random.uniform(-1.4, 1.2))
    side = 1 if random.random() < 0.5 else -1
    match int(random.integers(5)):
        case 0:
            route = _crossing(camera, near, side, float(random.uniform(-0.5, 0.5)))
        case 1 | 2:
            route = _crossing(camera, far, side, float(random.uniform(-0.6, 0.6)))
        case 3:
            other = 1 if random.random() < 0.5 else -1
            route = [(side * 5.3, min(near, 9.1)), (middle, 9.9), (middle, 14.5), (other * 9.4, far)]
        case _:
            route = [(middle * 0.8, 4.5), (middle, 10.0), (middle, 15.0), (side * 2.5, 19.5)]
    return route if random.random() < 0.5 else route[::-1]


@dataclass(frozen=True)
class _Stage:
    """Where and when an event happens."""

    plan: VideoPlan
    camera: Camera
    random: np.random.Generator
    event: Event

    @property
    def hard(self) -> bool:
        return self.event.hard

    @property
    def middle(self) -> float:
        return self.event.middle * self.plan.frames

    def choose(self, easy: float, hard: float, spread: float = 0.06) -> float:
        """A number for the difficulty, a little different each time."""
        return float((hard if self.hard else easy) * self.random.uniform(1 - spread, 1 + spread))

    def cross(self, near: float, far: float, easy_speed: float, hard_speed: float) -> Trajectory:
        """Cross the picture, half way at the middle of the event."""
        y, speed = self.choose(near, far, 0.03), self.choose(easy_speed, hard_speed)
        direction = 1 if self.random.random() < 0.5 else -1
        waypoints = _crossing(self.camera, y, direction, float(self.random.uniform(-0.6, 0.6)))
        start = self.middle - way_length(waypoints) / speed * FPS / 2
        return follow(waypoints, speed, start, self.plan.frames)

    def visit(self, ground: Ground, moment: int | float, speed: float, stop_frames: int = 0) -> Trajectory:
        """Cross the picture through `ground`, there at frame `moment` and standing for `stop_frames`."""
        direction = 1 if self.random.random() < 0.5 else -1
        edge = direction * (self.camera.edge(ground[1]) + 1.5)
        waypoints = [(-edge, ground[1] - 0.3), ground, (edge, ground[1] + 0.3)]
        start = moment - way_length(waypoints[:2]) / speed * FPS
        pauses = (Pause(moment, stop_frames),) if stop_frames else ()
        return follow(waypoints, speed, start, self.plan.frames, pauses)

    def span(self, frames: int) -> Span:
        """So many frames around the middle, kept inside the video."""
        first = max(0, round(self.middle - frames / 2))
        return Span(first, max(first + 1, min(self.plan.frames, round(first + frames))))

    def look(self) -> Look:
        """Clothes like anybody's."""
        return dress(self.random)

    def phase(self) -> float:
        return float(self.random.uniform(0, 2 * math.pi))


def _cyclist(stage: _Stage) -> list[Actor]:
    way = stage.cross(7.9, 13.6, 2.4, 2.7)
    return [Cyclist(way, stage.look(), stage.phase(), "cyclist", ALWAYS, (60, 62, 66) if stage.hard else (210, 40, 40))]


def _cart(stage: _Stage) -> list[Actor]:
    way = stage.cross(8.3, 13.8, 1.8, 2.4)
    body = (150, 148, 146) if stage.hard else (238, 202, 60)
    return [Cart(way, stage.look(), stage.phase(), "cart", ALWAYS, body)]


def _skateboarder(stage: _Stage) -> list[Actor]:
    return [Skateboarder(stage.cross(7.8, 12.8, 2.1, 2.4), stage.look(), stage.phase(), "skateboarder", ALWAYS)]


def _child_scooter(stage: _Stage) -> list[Actor]:
    return [Scooter(stage.cross(7.6, 9.6, 1.9, 2.1), stage.look(), stage.phase(), "child_scooter", ALWAYS)]


def _dog(stage: _Stage) -> list[Actor]:
    way = stage.cross(7.7, 11.5, 1.9, 2.2)
    fur = (112, 84, 58) if stage.hard else (70, 44, 28)
    return [Dog(way, stage.look(), stage.phase(), "dog", ALWAYS, fur)]


def _runner(stage: _Stage) -> list[Actor]:
    return [Runner(stage.cross(8.4, 13.5, 2.4, 2.7), stage.look(), stage.phase(), "runner", ALWAYS)]


def _thrown_object(stage: _Stage) -> list[Actor]:
    """Easy: a beach ball bounces across. Hard: two people far away throw a ball to and fro."""
    if not stage.hard:
        path = stage.cross(8.0, 8.0, 2.2, 2.2)
        return [Ball(path, ALWAYS, (230, 50, 60), 0.4, 11.0, 0.0, 1.5)]
    y, half, span = 12.0, 2.0, stage.span(60)
    stop = span.end - span.first
    left = stage.visit((-half + 1.9, y), span.first, 1.2, stop)
    right = stage.visit((half + 1.9, y + 0.2), span.first, 1.1, stop)
    hop = 12.0
    swing = np.abs((np.arange(stage.plan.frames) - span.first) / hop % 2.0 - 1.0)
    x = 1.9 + (2 * swing - 1) * (half - 0.3)
    zero = np.zeros(stage.plan.frames)
    flight = Trajectory(np.stack([x, zero + y - 0.2], axis=1), zero, zero, zero)
    ball = Ball(flight, span, (60, 90, 190), 0.34, hop, 1.0, 2.6)
    throwers = [Mover(way, stage.look(), stage.phase()) for way in (left, right)]
    return [*throwers, ball]


def _umbrella(stage: _Stage) -> list[Actor]:
    y = stage.choose(7.9, 12.0, 0.04)
    way = stage.visit((float(stage.random.uniform(-0.5, 0.5)), y), stage.middle, 1.1)
    canopy = (96, 96, 104) if stage.hard else (214, 40, 60)
    radius = 0.68 if stage.hard else 0.8
    return [UmbrellaBearer(way, stage.look(), stage.phase(), "umbrella", stage.span(50), canopy, radius)]


def _dancer(stage: _Stage) -> list[Actor]:
    ground = (float(stage.random.uniform(-1.2, 0.6)), stage.choose(8.4, 11.0, 0.03))
    span = stage.span(50)
    way = stage.visit(ground, span.first - 3, 1.1, span.end - span.first + 8)
    return [Dancer(way, stage.look(), stage.phase(), "dancer", span, 0.85 if stage.hard else 1.0)]


def _lying_person(stage: _Stage) -> list[Actor]:
    ground = (float(stage.random.uniform(-0.9, 0.3)), stage.choose(8.1, 12.0, 0.03))
    span = stage.span(54)
    way = stage.visit(ground, span.first - 2, 1.2, span.end - span.first + 6)
    return [Faller(way, replace(stage.look(), bag=None), stage.phase(), "lying_person", span)]


def _off_path_walker(stage: _Stage) -> list[Actor]:
    """Easy: down the lawn past the near side of the flower bed. Hard: across its far corner."""
    speed = float(stage.random.uniform(0.9, 1.1))
    waypoints: list[Ground] = [(-5.6, 18.6), (-4.1, 14.4), (-3.3, 10.0), (-2.2, 4.5)]
    before = 2
    if stage.hard:
        waypoints, before = [(0.9, 5.0), (-0.6, 9.4), (-4.1, 13.5), (-10.0, 16.6)], 2
    reached = way_length(waypoints[: before + 1]) - 2.2
    way = follow(waypoints, speed, stage.middle - reached / speed * FPS, stage.plan.frames)
    return [LawnWalker(way, stage.look(), stage.phase(), "off_path_walker")]


def _left_bag(stage: _Stage) -> list[Actor]:
    """Somebody stops, puts a bag down and leaves; it stays until the end of the video."""
    dropped = round(stage.middle - (1.0 - stage.event.middle) * stage.plan.frames)
    ground = (float(stage.random.uniform(-1.2, 0.3)), stage.choose(8.1, 11.5, 0.02))
    owner = Mover(stage.visit(ground, dropped - 8, 1.2, 12), stage.look(), stage.phase())
    color = (44, 46, 52) if stage.hard else (214, 40, 40)
    return [owner, Bag(owner, dropped, color, (0.55, 0.5) if stage.hard else (0.68, 0.6))]


_SCENES: dict[str, Callable[[_Stage], list[Actor]]] = {
    "cyclist": _cyclist,
    "cart": _cart,
    "skateboarder": _skateboarder,
    "child_scooter": _child_scooter,
    "dog": _dog,
    "runner": _runner,
    "thrown_object": _thrown_object,
    "umbrella": _umbrella,
    "dancer": _dancer,
    "lying_person": _lying_person,
    "off_path_walker": _off_path_walker,
    "left_bag": _left_bag,
}
