"""When a synthetic anomaly is pasted, and which: into single clips for training, as events for validation."""

from typing import Protocol, runtime_checkable

from ..core import generator
from ..core.clip import PastePlan, Sprite
from .source import AnomalySource, MovingObject

Instants = tuple[int, int, int]
"""Frame numbers of a clip's three frames; at the ends of a video the middle one is repeated."""


@runtime_checkable
class Pasting(Protocol):
    """Decides what is pasted into the clips of a video."""

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan | None:
        """The sprites for the three frames of a clip, or none."""
        ...


class RandomPasting:
    """Paste into `percentage` percent of the clips, anew in every epoch; a function of (seed, video, frame, epoch)."""

    def __init__(
        self, source: AnomalySource, percentage: float, frame_size: tuple[int, int], channels: int, seed: int
    ) -> None:
        self.source, self.percentage, self.frame_size, self.channels = source, percentage, frame_size, channels
        self.seed = seed

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan | None:
        """Sprites in the chosen share of the clips."""
        moving = self.drawn(video, instants[1], epoch)
        return None if moving is None else _sprites(moving, instants, instants[1])

    def drawn(self, video: str, middle: int, epoch: int) -> MovingObject | None:
        """The object for the clip around frame `middle`, or none where the clip is not chosen."""
        draw = generator(self.seed, "paste", video, middle, epoch)
        if 100 * draw.random() >= self.percentage:
            return None
        return self.source.draw(draw, self.frame_size, self.channels)


class EventPasting:
    """Paste events into a video: one object for `length` frames, then `length` frames without, and so on."""

    def __init__(
        self, source: AnomalySource, frame_size: tuple[int, int], channels: int, seed: int, length: int
    ) -> None:
        self.source, self.frame_size, self.channels, self.seed, self.length = source, frame_size, channels, seed, length

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan | None:
        """Sprites of the event that the middle frame belongs to; the epoch changes nothing."""
        event = self._event(instants[1])
        if event is None:
            return None
        middle = self.length // 2 + 2 * self.length * event + self.length // 2
        return _sprites(self._object(video, event), instants, middle)

    def grades(self, video: str, frames: int) -> list[str]:
        """How hard the event of each frame is to find, as its source says; "" outside events and without grades."""
        events = [self._event(frame) for frame in range(frames)]
        objects = {event: self._object(video, event) for event in set(events) if event is not None}
        grade = {event: getattr(moving, "grade", None) or "" for event, moving in objects.items()}
        return ["" if event is None else grade[event] for event in events]

    def _event(self, frame: int) -> int | None:
        event, position = divmod(frame - self.length // 2, 2 * self.length)
        return event if event >= 0 and position < self.length else None

    def _object(self, video: str, event: int) -> MovingObject:
        return self.source.draw(generator(self.seed, "event", video, event), self.frame_size, self.channels)


def _sprites(moving: MovingObject, instants: Instants, reference: int) -> tuple[Sprite, Sprite, Sprite]:
    before, now, after = (moving.sprite(instant - reference) for instant in instants)
    return before, now, after
