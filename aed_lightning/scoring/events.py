"""Events: stretches of frames in which the smoothed score is above a threshold."""

from dataclasses import dataclass, replace

from ..core import UsageError


@dataclass(frozen=True)
class Event:
    """Frames start to end, end not among them. peak: the highest smoothed score, in frame `peak_frame`."""

    start: int
    end: int
    peak: float
    peak_frame: int


@dataclass(frozen=True)
class Alarm:
    """When an event begins and ends.

    threshold: a frame at or above it begins an event. release: a frame below it ends the event.
    least_frames: shorter events are none; counted at every stride, dropped ones too. Raises UsageError.
    """

    threshold: float
    release: float
    least_frames: int = 1

    def __post_init__(self) -> None:
        if not self.release <= self.threshold or self.least_frames < 1:
            raise UsageError(
                f"threshold {self.threshold}, release {self.release}, least_frames {self.least_frames}: "
                "the release must not be above the threshold, and an event has 1 frame or more"
            )


class EventFinder:
    """Finds the events of one video, frame by frame; a gap between frames ends an event.

    stride: distance of neighboring scored frames.
    """

    def __init__(self, alarm: Alarm, stride: int = 1) -> None:
        self.alarm, self.stride = alarm, stride
        self._current: Event | None = None

    @property
    def start(self) -> int | None:
        """The first frame of the event that the last frame is in, be it long enough or not; or none."""
        return None if self._current is None else self._current.start

    @property
    def peak_frame(self) -> int | None:
        """The highest frame of that event so far, or none."""
        return None if self._current is None else self._current.peak_frame

    def push(self, frame: int, smoothed: float, dropped: int = 0) -> list[Event]:
        """Take the next frame; the event that it ends, if any, in a list. Indices ascend.

        dropped: frames before it that were not scored for want of time; they are no gap.
        """
        ended = []
        if self._current and frame != self._current.end - 1 + (1 + dropped) * self.stride:
            ended = self.flush()
        if self._current is None:
            if smoothed >= self.alarm.threshold:
                self._current = Event(frame, frame + 1, smoothed, frame)
            return ended
        if smoothed < self.alarm.release:
            return ended + self.flush()
        higher = smoothed > self._current.peak
        self._current = replace(
            self._current,
            end=frame + 1,
            peak=smoothed if higher else self._current.peak,
            peak_frame=frame if higher else self._current.peak_frame,
        )
        return ended

    def flush(self) -> list[Event]:
        """End the event that is going on, if it is long enough."""
        event, self._current = self._current, None
        if event is None:
            return []
        scored = (event.end - 1 - event.start) // self.stride + 1
        return [event] if scored >= self.alarm.least_frames else []
