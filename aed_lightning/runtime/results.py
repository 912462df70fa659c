"""What scoring writes while it goes on: a line a frame, and the events so far."""

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from ..core import DataError, UsageError, write_json
from ..scoring.events import Alarm, Event, EventFinder
from .scorer import ScoredFrame

FILES = ("scores.csv", "events.json", "timeline.png", "overlay.mp4")
COLUMNS = ("frame", "time", "raw", "smoothed", "threshold", "is_anomalous", "warm_up", "dropped")


@dataclass(frozen=True)
class Box:
    """Pixels of the source; x1 and y1 are not in it."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Incident:
    """An event with its times, seconds from the start of the source, and where it was at its peak, if that is known."""

    start: int
    end: int
    peak: float
    peak_frame: int
    start_time: float
    end_time: float
    peak_time: float
    where: Box | None


@dataclass
class _Open:
    """What is known of the event that is going on since `frame`; times in seconds."""

    frame: int
    start: float
    last: float
    peak: float
    heat: np.ndarray | None


class Results:
    """Writes `scores.csv` frame by frame and `events.json` event by event; a killed process leaves both whole.

    size: height and width of the source's frames in pixels. fps: of the source. about: what events.json says of the
    source and of how it is scored. resume: go on after the last whole line, where `about` is the same.
    Raises UsageError where there are results already and `resume` does not ask for them, or they are others.
    """

    def __init__(
        self, folder: Path, alarm: Alarm, *, size: tuple[int, int], fps: float, stride: int, about: dict[str, Any],
        resume: bool = False,
    ) -> None:  # fmt: skip
        self.incidents: list[Incident] = []
        self.next_frame = 0
        self._finder, self._alarm = EventFinder(alarm, stride), alarm
        self._size, self._fps, self._about = size, fps, json.loads(json.dumps(about))
        self.complete = False
        """Whether the source was scored to its end before."""
        self._file, self._events = folder / "scores.csv", folder / "events.json"
        self._open: _Open | None = None
        folder.mkdir(parents=True, exist_ok=True)
        earlier = self._earlier(resume)
        self._handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        if earlier is None:
            os.ftruncate(self._handle, 0)
            self._append(COLUMNS)
        else:
            self._replay(earlier)
            self.complete = earlier["complete"] is True
        if not self.complete:
            self._write_events(complete=False)

    @property
    def alarmed(self) -> bool:
        """Whether the last frame is in an event."""
        return self._finder.start is not None

    def write(self, frame: ScoredFrame, seconds: float) -> list[Incident]:
        """Append a frame that came so many seconds after the start; the events that it ends."""
        found = self._push(frame.frame_index, frame.smoothed, seconds, frame.dropped, frame.heat)
        self._append(
            (frame.frame_index, f"{seconds:.3f}", repr(frame.raw), repr(frame.smoothed), repr(self._alarm.threshold),
             int(self.alarmed), int(frame.warm_up), frame.dropped)
        )  # fmt: skip
        if found:
            self._write_events(complete=False)
        return found

    def gap(self) -> list[Incident]:
        """End the event that is going on, if any, as nothing comes for now."""
        found = self._ended(self._finder.flush())
        if found:
            self._write_events(complete=False)
        return found

    def finish(self) -> None:
        """Say that the source was scored to its end, when all that belongs to it is written."""
        self._write_events(complete=True)

    def close(self) -> list[Incident]:
        """End the last event and the file of scores."""
        found = self._ended(self._finder.flush())
        os.close(self._handle)
        if not self.complete:
            self._write_events(complete=False)
        return found

    def _earlier(self, resume: bool) -> dict[str, Any] | None:
        """What events.json says of the scoring before; none where there was none."""
        there = [name for name in FILES if (self._events.parent / name).exists()]
        if not there:
            return None
        if not resume or not self._events.is_file():
            raise UsageError(f"{self._events.parent} holds scores already; go on with --resume, or name another folder")
        try:
            found: dict[str, Any] = json.loads(self._events.read_text(encoding="utf-8"))
            differing = [key for key, value in self._about.items() if found.get(key) != value]
        except (ValueError, AttributeError) as error:
            raise DataError(f"{self._events} is none of ours ({error}); remove its folder") from error
        if differing:
            what = ", ".join(f"{key} {found.get(key)!r}, now {self._about[key]!r}" for key in differing)
            raise UsageError(f"{self._events.parent} holds other scores ({what}); name another folder")
        return found

    def _replay(self, earlier: dict[str, Any]) -> None:
        """Take up the lines that are there; half a line at the end, of a machine that went off, is cut away."""
        text = self._file.read_bytes()
        os.ftruncate(self._handle, text.rfind(b"\n") + 1)
        for row in csv.DictReader(text[: text.rfind(b"\n") + 1].decode("ascii").splitlines()):
            self._push(int(row["frame"]), float(row["smoothed"]), float(row["time"]), int(row["dropped"]), None)
        known = {event["start"]: Box(**event["where"]) for event in earlier["events"] if event["where"]}
        self.incidents = [replace(incident, where=known.get(incident.start)) for incident in self.incidents]

    def _push(
        self, frame: int, smoothed: float, seconds: float, dropped: int, heat: np.ndarray | None
    ) -> list[Incident]:
        found = self._ended(self._finder.push(frame, smoothed, dropped))
        start = self._finder.start
        if start is not None:
            if self._open is None or self._open.frame != start:
                self._open = _Open(start, seconds, seconds, seconds, heat)
            self._open.last = seconds
            if self._finder.peak_frame == frame:
                self._open.peak, self._open.heat = seconds, heat
        self.next_frame = frame + 1
        return found

    def _ended(self, events: list[Event]) -> list[Incident]:
        found = []
        for event in events:
            assert self._open is not None
            times = self._open
            where = None if times.heat is None else strongest_box(times.heat, self._size)
            found.append(
                Incident(
                    event.start, event.end, event.peak, event.peak_frame, start_time=round(times.start, 3),
                    end_time=round(times.last + 1 / self._fps, 3), peak_time=round(times.peak, 3), where=where,
                )
            )  # fmt: skip
        self.incidents += found
        return found

    def _append(self, values: Iterable[Any]) -> None:
        # One call a line: whatever becomes of the process, what stands before it stays whole.
        os.write(self._handle, (",".join(map(str, values)) + "\n").encode("ascii"))

    def _write_events(self, *, complete: bool) -> None:
        events = [asdict(incident) for incident in self.incidents]
        write_json(self._events, {"version": 1, **self._about, "complete": complete, "events": events})


def strongest_box(heat: Float[np.ndarray, "rows columns"], size: tuple[int, int]) -> Box:
    """The region of the map around its highest token that is at least half as high; in pixels of a frame of `size`.

    size: height and width.
    """
    labels, _ = ndimage.label(heat >= 0.5 * heat.max(), structure=np.ones((3, 3)))
    rows, columns = np.nonzero(labels == labels.flat[heat.argmax()])
    down, right = size[0] / heat.shape[0], size[1] / heat.shape[1]
    return Box(
        round(columns.min() * right), round(rows.min() * down),
        round((columns.max() + 1) * right), round((rows.max() + 1) * down),
    )  # fmt: skip
