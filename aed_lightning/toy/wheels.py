"""What rolls or runs on four legs through the plaza."""

import math
from dataclasses import dataclass, replace

from .actors import Mover
from .figure import Color, Figure, shade
from .people import Pose, draw_person

_TIRE: Color = (24, 24, 26)


@dataclass(frozen=True)
class Cyclist(Mover):
    """Rides a bicycle."""

    frame_color: Color = (200, 40, 40)

    def _draw(self, figure: Figure, frame: int) -> None:
        turn = float(self.way.travelled[frame]) / 0.75 + self.phase
        for hub in (-0.52, 0.52):
            figure.wheel((hub, 0, 0.36), 0.36, _TIRE)
            figure.wheel((hub, 0, 0.36), 0.26, (150, 148, 144))
        for start, end in (((-0.52, 0, 0.36), (-0.12, 0, 0.85)), ((-0.52, 0, 0.36), (0.0, 0, 0.34)),
                           ((-0.12, 0, 0.85), (0.0, 0, 0.34)), ((0.0, 0, 0.34), (0.42, 0, 0.85)),
                           ((-0.12, 0, 0.8), (0.42, 0, 0.85)), ((0.52, 0, 0.36), (0.4, 0, 1.05))):  # fmt: skip
            figure.bar(start, end, 0.07, self.frame_color)
        figure.bar((0.42, -0.25, 1.05), (0.42, 0.25, 1.05), 0.06, _TIRE)
        pedals = (0.28 * math.sin(turn), -0.28 * math.sin(turn))
        pose = Pose(
            thighs=(0.95 + pedals[0], 0.95 + pedals[1]),
            knees=(1.2 + 1.2 * pedals[0], 1.2 + 1.2 * pedals[1]),
            arms=(0.95, 0.95),
            elbows=(0.2, 0.2),
            lean=0.5,
        )
        draw_person(figure, replace(self.look, coat=0.0, bag=None), pose, seat=(-0.18, 0.98))


@dataclass(frozen=True)
class Skateboarder(Mover):
    """Glides upright, side on, without a step."""

    def _draw(self, figure: Figure, frame: int) -> None:
        figure.box((-0.45, -0.13, 0.06), (0.45, 0.13, 0.14), (150, 60, 30))
        for wheel in (-0.3, 0.3):
            figure.wheel((wheel, 0, 0.07), 0.07, _TIRE)
        sway = 0.15 * math.sin(2 * math.pi * frame / 22 + self.phase)
        pose = Pose(
            thighs=(0.55, -0.4),
            knees=(0.5, 0.35),
            spread=(0.9 + sway, 0.8 - sway),
            arms=(0.5, -0.5),
            lean=0.12 + 0.3 * sway,
        )
        draw_person(figure, replace(self.look, coat=0.0, bag=None), pose)


@dataclass(frozen=True)
class Scooter(Mover):
    """A child on a kick scooter, one foot pushing."""

    def _draw(self, figure: Figure, frame: int) -> None:
        for hub in (-0.4, 0.45):
            figure.wheel((hub, 0, 0.11), 0.11, _TIRE)
        figure.bar((-0.4, 0, 0.14), (0.45, 0, 0.14), 0.09, (230, 90, 160))
        figure.bar((0.45, 0, 0.14), (0.36, 0, 0.95), 0.07, (230, 90, 160))
        figure.bar((0.36, -0.24, 0.95), (0.36, 0.24, 0.95), 0.06, _TIRE)
        push = math.sin(2 * math.pi * frame / 9 + self.phase)
        pose = Pose(
            thighs=(-0.25 + 0.65 * push, 0.12),
            knees=(0.3 + 0.25 * push, 0.2),
            arms=(0.85, 0.85),
            elbows=(0.5, 0.5),
            lean=0.22,
        )
        draw_person(figure, replace(self.look, height=1.3, coat=0.0, bag=None), pose)


@dataclass(frozen=True)
class Cart(Mover):
    """A small electric cart with a roof, a driver and boxes behind."""

    body: Color = (236, 200, 60)

    def _draw(self, figure: Figure, frame: int) -> None:
        for hub in (-0.75, 0.75):
            for side in (-0.5, 0.5):
                figure.wheel((hub, side, 0.24), 0.24, _TIRE)
        figure.box((-1.15, -0.58, 0.22), (1.15, 0.58, 0.68), self.body)
        figure.box((-1.1, -0.5, 0.68), (-0.25, 0.5, 1.3), (150, 120, 84))
        draw_person(
            figure,
            replace(self.look, coat=0.0, bag=None),
            Pose(thighs=(1.4, 1.4), knees=(1.4, 1.4), arms=(1.0, 1.0), elbows=(0.4, 0.4)),
            seat=(0.15, 0.8),
        )
        for post in (-0.2, 0.9):
            for side in (-0.52, 0.52):
                figure.bar((post, side, 0.6), (post, side, 1.85), 0.07, (50, 50, 54))
        figure.box((-0.4, -0.6, 1.82), (1.05, 0.6, 1.92), shade(self.body, 0.95))
        for hub in (-0.75, 0.75):
            near = 0.58 if figure.left_away < 0 else -0.58
            figure.wheel((hub, near, 0.24), 0.24, _TIRE)


@dataclass(frozen=True)
class Dog(Mover):
    """A large dog running free; fur: its color."""

    fur: Color = (110, 70, 40)

    def _draw(self, figure: Figure, frame: int) -> None:
        cycle = 2 * math.pi * float(self.way.travelled[frame]) / 1.1 + self.phase
        bob = 0.05 * math.sin(cycle)
        dark = shade(self.fur, 0.75)
        for hip, side, offset in ((0.32, 0.1, 0.0), (-0.34, 0.1, 2.6), (0.32, -0.1, 0.5), (-0.34, -0.1, 3.1)):
            reach = 0.26 * math.sin(cycle + offset)
            figure.bar((hip, side, 0.42 + bob), (hip + reach, side, 0.04), 0.11, dark)
        figure.bar((-0.45, 0, 0.5 + bob), (0.45, 0, 0.54 + bob), 0.32, self.fur)
        figure.disc(figure.flatten((0.42, 0.0, 0.56 + bob)), 0.17, self.fur)
        figure.disc(figure.flatten((-0.42, 0.0, 0.5 + bob)), 0.16, self.fur)
        figure.bar((0.48, 0, 0.6 + bob), (0.68, 0, 0.82 + bob), 0.17, self.fur)
        figure.disc(figure.flatten((0.70, 0.0, 0.84 + bob)), 0.15, self.fur)
        figure.bar((0.72, 0, 0.82 + bob), (0.93, 0, 0.76 + bob), 0.12, dark)
        figure.bar((-0.5, 0, 0.56 + bob), (-0.86, 0, 0.78 + 2 * bob), 0.08, self.fur)
