"""How prepare tells where it is."""

import sys
import time
from typing import Protocol, runtime_checkable

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBar


@runtime_checkable
class Progress(Protocol):
    """Receives the steps of a long job over videos."""

    def start(self, total_videos: int) -> None:
        """Called once, before the first video."""

    def video(self, name: str, index: int) -> None:
        """The video `index` (from 0) begins."""

    def frames(self, n: int) -> None:
        """`n` more frames of the current video are done."""

    def note(self, message: str) -> None:
        """Something the user should know."""

    def done(self) -> None:
        """Called once, at the end, also after an error."""


class SilentProgress:
    """Says nothing."""

    def start(self, total_videos: int) -> None: ...

    def video(self, name: str, index: int) -> None: ...

    def frames(self, n: int) -> None: ...

    def note(self, message: str) -> None: ...

    def done(self) -> None: ...


class PlainProgress:
    """One line a video, for logs."""

    def __init__(self) -> None:
        self._total = self._frames = 0
        self._current = ""
        self._began = time.monotonic()

    def start(self, total_videos: int) -> None:
        self._total = total_videos

    def video(self, name: str, index: int) -> None:
        self._close()
        self._current, self._frames, self._began = f"[{index + 1}/{self._total}] {name}", 0, time.monotonic()

    def frames(self, n: int) -> None:
        self._frames += n

    def note(self, message: str) -> None:
        print(message, flush=True)

    def done(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._current:
            rate = self._frames / max(time.monotonic() - self._began, 1e-9)
            print(f"{self._current}: {self._frames} frames, {rate:.0f} frames/s", flush=True)
        self._current = ""


class RichProgress:
    """A bar over the videos with frames a second and the time left, for terminals."""

    def __init__(self) -> None:
        self._bar = RichBar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f} frames/s"),
            TimeRemainingColumn(),
        )
        self._task: TaskID | None = None
        self._frames, self._began = 0, time.monotonic()

    def start(self, total_videos: int) -> None:
        self._task = self._bar.add_task("", total=total_videos, rate=0.0)
        self._frames, self._began = 0, time.monotonic()
        self._bar.start()

    def video(self, name: str, index: int) -> None:
        if self._task is not None:
            self._bar.update(self._task, description=name, completed=index)

    def frames(self, n: int) -> None:
        self._frames += n
        if self._task is not None:
            self._bar.update(self._task, rate=self._frames / max(time.monotonic() - self._began, 1e-9))

    def note(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False)

    def done(self) -> None:
        if self._task is not None and (total := self._bar.tasks[0].total) is not None and sys.exc_info()[0] is None:
            self._bar.update(self._task, completed=total)
        self._bar.stop()


def default_progress() -> Progress:
    """A bar on a terminal, one line a video elsewhere."""
    return RichProgress() if sys.stdout.isatty() else PlainProgress()
