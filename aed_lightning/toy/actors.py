"""Everybody who walks, and what people do that does not belong here."""

import math
from dataclasses import dataclass, field, replace

from .camera import Camera, Ground
from .figure import Color, Figure
from .people import STANDING, Look, Pose, draw_person, running, stride, walking
from .scene import on_lawn
from .trajectory import FPS, Trajectory

_MARGIN = 2.2
"""Meters outside the picture within which something can still be seen or cast a shadow."""
_GROUND = (4.0, 20.2)
"""Distances from the camera within which somebody is drawn, meters: up to the facade."""


@dataclass(frozen=True)
class Span:
    """Frames from `first` up to and without `end`."""

    first: int
    end: int

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame < self.end


NEVER = Span(0, 0)
ALWAYS = Span(0, 1 << 30)


@dataclass(frozen=True)
class Mover:
    """Somebody on a way through the plaza; as it stands, an ordinary walker.

    phase: of the gait at the beginning, so that no two walk in step.
    """

    way: Trajectory
    look: Look = field(default_factory=Look)
    phase: float = 0.0
    kind: str = ""
    when: Span = NEVER

    def anomalous(self, frame: int) -> bool:
        """Whether the frame belongs to the anomalous part."""
        return frame in self.when

    def figure(self, camera: Camera, frame: int) -> Figure | None:
        """The figure, or none outside the picture."""
        ground = self.way.at(frame)
        if not _GROUND[0] < ground[1] < _GROUND[1] or abs(ground[0]) > camera.edge(ground[1]) + _MARGIN:
            return None
        figure = Figure(camera, ground, self._heading(frame))
        self._draw(figure, frame)
        return figure

    def _draw(self, figure: Figure, frame: int) -> None:
        draw_person(figure, self.look, self._gait(frame))

    def _heading(self, frame: int) -> float:
        return float(self.way.heading[frame])

    def _gait(self, frame: int) -> Pose:
        cycle = 2 * math.pi * float(self.way.travelled[frame]) / stride(self.look.height)
        return walking(cycle + self.phase, float(self.way.pace[frame]))


@dataclass(frozen=True)
class Runner(Mover):
    """Runs where others walk."""

    def _draw(self, figure: Figure, frame: int) -> None:
        cycle = 2 * math.pi * float(self.way.travelled[frame]) / stride(self.look.height, running=True)
        draw_person(figure, self.look, running(cycle + self.phase))


@dataclass(frozen=True)
class LawnWalker(Mover):
    """Walks across the lawn; anomalous while on it."""

    def anomalous(self, frame: int) -> bool:
        return on_lawn(self.way.at(frame))


@dataclass(frozen=True)
class Dancer(Mover):
    """Stops and dances; energy: how far the limbs go, 1 for all the way."""

    energy: float = 1.0

    def _heading(self, frame: int) -> float:
        if frame not in self.when:
            return super()._heading(frame)
        return -math.pi / 2 + 0.5 * math.sin(2 * math.pi * (frame - self.when.first) / 31)

    def _gait(self, frame: int) -> Pose:
        if frame not in self.when:
            return super()._gait(frame)
        beat = 2 * math.pi * (frame - self.when.first) / FPS * 1.25
        raised = 1.75 * self.energy
        return Pose(
            thighs=(0.25 * math.sin(beat), -0.25 * math.sin(beat)),
            knees=(0.35 + 0.3 * math.sin(beat), 0.35 - 0.3 * math.sin(beat)),
            elbows=(0.4, 0.4),
            spread=(raised + 0.75 * math.sin(beat), raised - 0.75 * math.sin(beat)),
            straddle=0.4,
            lean=0.25 * math.sin(beat / 2),
            lift=0.16 * self.energy * abs(math.sin(beat)),
        )


@dataclass(frozen=True)
class Faller(Mover):
    """Falls on the back, lies, and gets up again at the end of `when`."""

    fall_frames: int = 7
    rise_frames: int = 10

    def _gait(self, frame: int) -> Pose:
        if frame not in self.when:
            return super()._gait(frame)
        down = min(1.0, (frame - self.when.first) / self.fall_frames, (self.when.end - frame) / self.rise_frames)
        return Pose(
            tilt=down**1.5 * math.pi / 2, spread=(0.9 * down, 0.7 * down), straddle=0.25 * down, knees=(0.5 * down, 0.1)
        )


@dataclass(frozen=True)
class UmbrellaBearer(Mover):
    """Walks under an open umbrella while the sun shines; anomalous while it is open."""

    canopy: Color = (210, 40, 60)
    radius: float = 0.75

    def _draw(self, figure: Figure, frame: int) -> None:
        if frame not in self.when:
            super()._draw(figure, frame)
            return
        draw_person(figure, self.look, replace(self._gait(frame), arms=(0.9, 0.0), elbows=(1.6, 0.1)))
        opened = min(1.0, (frame - self.when.first + 1) / 4, (self.when.end - frame) / 4)
        top = self.look.height + 0.55
        figure.bar((0.2, 0.1, 1.1), (0.1, 0.05, top), 0.04, (40, 40, 42))
        rim = [
            (self.radius * opened * math.cos(turn), self.radius * opened * math.sin(turn), top - 0.42)
            for turn in (index * math.pi / 8 for index in range(16))
        ]
        figure.face(rim, tuple(int(channel * 0.6) for channel in self.canopy))  # type: ignore[arg-type]
        for index in range(16):
            color = self.canopy if index // 2 % 2 else (240, 236, 228)
            figure.face([rim[index], rim[(index + 1) % 16], (0.0, 0.0, top)], color)


@dataclass(frozen=True)
class Bag:
    """A bag that somebody carried and put down.

    carrier: whose hand holds it until `dropped`. size: meters wide and high.
    """

    carrier: Mover
    dropped: int
    color: Color
    size: tuple[float, float]
    kind: str = "left_bag"

    def anomalous(self, frame: int) -> bool:
        """Whether it stands there, left alone."""
        return frame >= self.dropped

    def figure(self, camera: Camera, frame: int) -> Figure | None:
        """The bag at the carrier's side, then on the ground."""
        x, y = self.carrier.way.at(min(frame, self.dropped))
        if abs(x) > camera.edge(y) + _MARGIN or not _GROUND[0] < y < _GROUND[1]:
            return None
        figure = Figure(camera, (x, y - 0.25), float(self.carrier.way.heading[min(frame, self.dropped)]))
        width, height = self.size
        up = 0.22 if frame < self.dropped - 3 else 0.0
        figure.box((-width / 2, -0.14, up), (width / 2, 0.14, up + height), self.color)
        figure.bar((-width / 5, 0, up + height + 0.1), (width / 5, 0, up + height + 0.1), 0.06, (30, 30, 32))
        return figure


@dataclass(frozen=True)
class Ball:
    """A ball in the air.

    path: its place on the ground. hop_frames: from one bounce or catch to the next. top, bottom: meters up.
    """

    path: Trajectory
    when: Span
    color: Color
    radius: float
    hop_frames: float
    bottom: float
    top: float
    kind: str = "thrown_object"

    def anomalous(self, frame: int) -> bool:
        """Whether it flies."""
        return frame in self.when

    def figure(self, camera: Camera, frame: int) -> Figure | None:
        """The ball, or none before and after the game."""
        x, y = self.path.at(frame)
        if frame not in self.when or abs(x) > camera.edge(y) + _MARGIN:
            return None
        figure = Figure(camera, (x, y))
        part = (frame - self.when.first) / self.hop_frames % 1.0
        up = self.bottom + 4 * part * (1 - part) * (self.top - self.bottom) + self.radius
        center = figure.flatten((0.0, 0.0, up))
        figure.disc(center, self.radius, self.color)
        figure.disc(center + self.radius * 0.2, self.radius * 0.55, (250, 248, 240))
        return figure


def standing(camera: Camera, ground: Ground, heading: float, look: Look) -> Figure:
    """Somebody standing: a figure to measure."""
    figure = Figure(camera, ground, heading)
    draw_person(figure, look, STANDING)
    return figure
