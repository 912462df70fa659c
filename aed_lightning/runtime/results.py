"""What scoring writes while it goes on: a line a frame, and the events that have ended."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from ..core import DataError, UsageError, write_json
from ..scoring.events import Alarm, Event, EventFinder
from .notify import Notifier
from .results_folder import FILES, VERSION, read_events
from .scorer import ScoredFrame

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
    """Writes `scores.csv` frame by frame and `events.json` event by event; whatever happens leaves both whole.

    size: height and width of the source's frames in pixels. fps: of the source. about: what events.json says of the
    source and of how it is scored. resume: go on after the last whole line of a recording, where `about` is the same.
    Raises UsageError where there are results already and `resume` does not ask for them, or they are others; DataError
    where they are damaged; OSError where they cannot be written, with what stood there before left whole.
    """

    def __init__(
        self, folder: Path, alarm: Alarm, *, size: tuple[int, int], fps: float, stride: int, about: dict[str, Any],
        resume: bool = False,
    ) -> None:  # fmt: skip
        self.incidents: list[Incident] = []
        self.next_frame = 0
        """The first frame that is not there yet."""
        self._finder, self._alarm, self._stride = EventFinder(alarm, stride), alarm, stride
        self._size, self._fps, self._about = size, fps, json.loads(json.dumps(about))
        self.complete = False
        """Whether the source was scored to its end before."""
        self._file, self._events = folder / "scores.csv", folder / "events.json"
        self._open: _Open | None = None
        self._length = 0
        """Bytes of the whole lines."""
        folder.mkdir(parents=True, exist_ok=True)
        earlier = self._earlier(resume)
        self._known: dict[int, dict[str, Any]] = {}
        """The events of the scoring before by their first frames; they have been told."""
        if earlier is not None:
            self._known = {event["start"]: event for event in earlier["events"]}
            self._replay()
            self.complete = earlier["complete"] is True and self.next_frame > 0
            if earlier["complete"] and not self.complete:
                write_json(self._events, {**earlier, "complete": False})
        else:
            self._write_events(complete=False)  # first, for it says whose the other files are
        self._handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._handle, self._length)
        if not self._length:
            self._append(COLUMNS)

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

    def close(self, *, ended: bool = True) -> list[Incident]:
        """End the file of scores and, where the source has ended, the event that goes on at its end."""
        try:
            os.fsync(self._handle)  # events.json, which may say that this is complete, reaches the disk too
        except OSError as error:
            error.filename = str(self._file)
            raise
        finally:
            os.close(self._handle)
        found = self._ended(self._finder.flush()) if ended else []
        if found:
            self._write_events(complete=self.complete)
        return found

    def _earlier(self, resume: bool) -> dict[str, Any] | None:
        """What events.json says of the scoring before; none where there was none."""
        there = [name for name in FILES if (self._events.parent / name).exists()]
        if not there:
            return None
        if not resume:
            raise UsageError(f"{self._events.parent} holds scores already; go on with --resume, or name another folder")
        found = read_events(self._events)
        differing = [key for key, value in self._about.items() if found.get(key) != value]
        if differing:
            what = ", ".join(f"{key} {found.get(key)!r}, now {self._about[key]!r}" for key in differing)
            raise UsageError(
                f"{self._events.parent} holds other scores ({what}); use --overwrite, or name another folder"
            )
        return found

    def _replay(self) -> None:
        """Take up the lines that are there, but for half a line at the end, which a machine that went off leaves."""
        text = self._file.read_bytes() if self._file.exists() else b""
        self._length = text.rfind(b"\n") + 1
        lines = text[: self._length].decode("ascii", errors="replace").split("\n")[:-1]
        for number, line in enumerate(lines):
            try:
                if number == 0:
                    if line != ",".join(COLUMNS):
                        raise ValueError
                    continue
                frame, smoothed = _frame_and_score(line)
                if frame != self.next_frame:
                    raise ValueError
            except ValueError:
                raise DataError(
                    f"{self._file}: line {number + 1} is damaged ({line[:80]!r}); begin anew with --overwrite"
                ) from None
            # Not the time in the file, which is rounded.
            self._push(frame, smoothed, frame / self._fps, 0, None)

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
        self.next_frame = frame + self._stride
        return found

    def _ended(self, events: list[Event]) -> list[Incident]:
        found = []
        for event in events:
            assert self._open is not None
            times, known = self._open, self._known.get(event.start)
            told = known is not None and known["end"] == event.end
            where = None if times.heat is None else strongest_box(times.heat, self._size)
            if known is not None and told and known["where"]:
                where = Box(**known["where"])
            incident = Incident(
                event.start, event.end, event.peak, event.peak_frame, start_time=round(times.start, 3),
                end_time=round(times.last + 1 / self._fps, 3), peak_time=round(times.peak, 3), where=where,
            )  # fmt: skip
            self.incidents.append(incident)
            if not told:
                found.append(incident)
        return found

    def _append(self, values: Iterable[Any]) -> None:
        # One call a line: whatever becomes of the process, what stands before it stays whole. A disk that is nearly
        # full takes a part of it.
        line = (",".join(map(str, values)) + "\n").encode("ascii")
        written = 0
        try:
            while written < len(line):
                written += os.write(self._handle, line[written:])
        except BaseException as error:
            os.ftruncate(self._handle, self._length)
            if isinstance(error, OSError):
                error.filename = str(self._file)
            raise
        self._length += len(line)

    def _write_events(self, *, complete: bool) -> None:
        events = [asdict(incident) for incident in self.incidents]
        write_json(self._events, {"version": VERSION, **self._about, "complete": complete, "events": events})


def tell(notifier: Notifier | None, source: str, incidents: Iterable[Incident]) -> None:
    """Post events of a source where somebody wants them; source: as it may be shown."""
    for incident in incidents:
        if notifier is not None:
            notifier.post({"source": source, **asdict(incident)})


def _frame_and_score(line: str) -> tuple[int, float]:
    """The frame and the smoothed score of a line. Raises ValueError where it is none."""
    frame, *floats, alarmed, warm_up, dropped = line.split(",")
    _, _, smoothed, _ = map(float, floats)
    if {alarmed, warm_up} - {"0", "1"} or dropped != "0":
        raise ValueError
    return int(frame), smoothed


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
