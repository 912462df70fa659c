"""When a synthetic anomaly is pasted, and which: into single clips for training, as events for validation."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Protocol, runtime_checkable

import numpy as np

from ..core import generator
from ..core.clip import PastePlan, Sprites
from .self_cut import SelfCut
from .source import AnomalySource, MovingObject
from .together import Together

Instants = tuple[int, int, int]
"""Frame numbers of a clip's three frames; at the ends of a video the middle one is repeated."""


DrawOne = Callable[[np.random.Generator, tuple[int, int], int], MovingObject]


@runtime_checkable
class Pasting(Protocol):
    """Decides what is pasted into the clips of a video."""

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan:
        """The sprites for the three frames of a clip."""
        ...


class RandomPasting:
    """Paste into `percentage` percent of the clips, anew in every epoch; a function of (seed, video, frame, epoch).

    One to `most` objects, of which at least one is an anomaly and the others, if there are decoys, are decoys. Of the
    other clips `decoy_percentage` percent get one to `most` decoys: how much is pasted says nothing of what it is.
    """

    def __init__(
        self,
        source: AnomalySource,
        percentage: float,
        frame_size: tuple[int, int],
        channels: int,
        seed: int,
        decoys: SelfCut | None = None,
        decoy_percentage: float = 0.0,
        most: int = 1,
    ) -> None:
        self.source, self.percentage, self.frame_size, self.channels = source, percentage, frame_size, channels
        self.seed, self.decoys, self.decoy_percentage, self.most = seed, decoys, decoy_percentage, most

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan:
        """Sprites in the chosen shares of the clips."""
        middle = instants[1]
        anomaly, decoy = self.drawn(video, middle, epoch), self.decoy(video, middle, epoch)
        return PastePlan(
            anomaly=None if anomaly is None else _sprites(anomaly, instants, middle),
            decoy=None if decoy is None else _sprites(decoy, instants, middle),
        )

    def drawn(self, video: str, middle: int, epoch: int) -> MovingObject | None:
        """The anomaly or anomalies for the clip around frame `middle`, or none where the clip is not chosen."""
        draw = generator(self.seed, "paste", video, middle, epoch)
        if 100 * draw.random() >= self.percentage:
            return None
        return self._together(self.source.draw, draw, self._numbers(video, middle, epoch)[0])

    def decoy(self, video: str, middle: int, epoch: int) -> MovingObject | None:
        """The decoy or decoys for the clip around frame `middle`, if it gets any."""
        if self.decoys is None:
            return None
        draw = generator(self.seed, "decoy", video, middle, epoch)
        chosen = 100 * draw.random() < self.decoy_percentage
        anomalies, others = self._numbers(video, middle, epoch)
        if 100 * generator(self.seed, "paste", video, middle, epoch).random() >= self.percentage:
            number = anomalies + others if chosen else 0
        else:
            number = others
        return self._together(self.decoys.draw_decoy, draw, number) if number else None

    def _numbers(self, video: str, middle: int, epoch: int) -> tuple[int, int]:
        """Of the objects of a clip with an anomaly: how many are one, and how many are not."""
        draw = generator(self.seed, "numbers", video, middle, epoch)
        objects = int(draw.integers(1, self.most + 1))
        anomalies = int(draw.integers(1, objects + 1))
        return anomalies, objects - anomalies

    def _together(self, draw_one: DrawOne, draw: np.random.Generator, number: int) -> MovingObject:
        objects = (draw_one(draw, self.frame_size, self.channels) for _ in range(number))
        return reduce(partial(Together, grade="several"), objects)


class EventPasting:
    """Paste events into a video: one object for `length` frames, then `length` frames without or with a decoy."""

    def __init__(
        self,
        source: AnomalySource,
        frame_size: tuple[int, int],
        channels: int,
        seed: int,
        length: int,
        decoys: SelfCut | None = None,
    ) -> None:
        self.source, self.frame_size, self.channels, self.seed, self.length = source, frame_size, channels, seed, length
        self.decoys = decoys

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan:
        """Sprites of the event or pause that the middle frame belongs to; the epoch changes nothing."""
        slot = self._slot(instants[1])
        event, pause = divmod(slot, 2)
        middle = self.length // 2 + slot * self.length + self.length // 2
        if slot >= 0 and not pause:
            return PastePlan(anomaly=_sprites(self._object(video, event), instants, middle))
        if slot >= 0 and self.decoys is not None:
            draw = generator(self.seed, "decoy", video, event)
            decoy = self.decoys.draw_decoy(draw, self.frame_size, self.channels)
            return PastePlan(decoy=_sprites(decoy, instants, middle))
        return PastePlan()

    def grades(self, video: str, frames: int) -> list[str]:
        """How hard the event of each frame is to find, as its source says; "" outside events and without grades."""
        events = [self._event(frame) for frame in range(frames)]
        objects = {event: self._object(video, event) for event in set(events) if event is not None}
        grade = {event: getattr(moving, "grade", None) or "" for event, moving in objects.items()}
        return ["" if event is None else grade[event] for event in events]

    def _slot(self, frame: int) -> int:
        """Events have even numbers, pauses odd ones; below 0 before the first event."""
        return (frame - self.length // 2) // self.length

    def _event(self, frame: int) -> int | None:
        event, pause = divmod(self._slot(frame), 2)
        return event if event >= 0 and not pause else None

    def _object(self, video: str, event: int) -> MovingObject:
        return self.source.draw(generator(self.seed, "event", video, event), self.frame_size, self.channels)


def _sprites(moving: MovingObject, instants: Instants, reference: int) -> Sprites:
    before, now, after = (moving.sprite(instant - reference) for instant in instants)
    return before, now, after
