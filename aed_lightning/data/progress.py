"""How long work over videos tells where it is; several videos may be under way at once."""

import sys
import time
from typing import Protocol, runtime_checkable

from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as RichBar

SECONDS_BETWEEN_LINES = 60.0


@runtime_checkable
class Progress(Protocol):
    """Receives the steps of a long job over videos."""

    def start(self, videos: int, frames: int) -> None:
        """Called once, before the first video: how many videos, and how many frames their containers promise."""

    def frames(self, n: int, seconds: float = 0.0) -> None:
        """`n` more frames are done; seconds: of video that they last, where it matters."""

    def video(self, name: str) -> None:
        """One more video is finished, or given up."""

    def note(self, message: str) -> None:
        """Something the user should know."""

    def done(self) -> None:
        """Called once, at the end, also after an error."""


class SilentProgress:
    """Says nothing."""

    def start(self, videos: int, frames: int) -> None: ...

    def frames(self, n: int, seconds: float = 0.0) -> None: ...

    def video(self, name: str) -> None: ...

    def note(self, message: str) -> None: ...

    def done(self) -> None: ...


class _Pace:
    """Counts what is done of `videos` and `frames`, and how fast it goes in total."""

    def __init__(self, videos: int, frames: int) -> None:
        self.videos, self.frames = videos, frames
        self.videos_done = self.frames_done = 0
        self.seconds_done = 0.0
        self._began = time.monotonic()

    def add(self, frames: int, seconds: float) -> None:
        self.frames_done += frames
        self.seconds_done += seconds

    def __str__(self) -> str:
        """Frames done, frames/s, how much faster than played, and the time left as far as the promised frames tell."""
        passed = max(time.monotonic() - self._began, 1e-9)
        rate = self.frames_done / passed
        done = f"{self.frames_done} of {max(self.frames, self.frames_done)} frames, {rate:.0f} frames/s"
        if self.frames_done == 0:
            return done
        if self.seconds_done:
            done += f", {self.seconds_done / passed:.1f} times real time"
        seconds = round(max(self.frames - self.frames_done, 0) / rate)
        return f"{done}, {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


class PlainProgress:
    """A line for each finished video, and one a minute in between: for logs."""

    def __init__(self) -> None:
        self._pace = _Pace(0, 0)
        self._told = time.monotonic()

    def start(self, videos: int, frames: int) -> None:
        self._pace, self._told = _Pace(videos, frames), time.monotonic()

    def frames(self, n: int, seconds: float = 0.0) -> None:
        self._pace.add(n, seconds)
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._tell("")

    def video(self, name: str) -> None:
        self._pace.videos_done += 1
        self._tell(f" {name}")

    def note(self, message: str) -> None:
        print(message, flush=True)

    def done(self) -> None: ...

    def _tell(self, name: str) -> None:
        print(f"[{self._pace.videos_done}/{self._pace.videos}]{name}: {self._pace}", flush=True)
        self._told = time.monotonic()


class RichProgress:
    """A bar over the frames, for terminals."""

    def __init__(self) -> None:
        self._bar = RichBar(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[pace]}"))
        self._pace = _Pace(0, 0)
        self._task: TaskID | None = None

    def start(self, videos: int, frames: int) -> None:
        self._pace = _Pace(videos, frames)
        self._task = self._bar.add_task(f"0/{videos} videos", total=frames or None, pace="")
        self._bar.start()

    def frames(self, n: int, seconds: float = 0.0) -> None:
        self._pace.add(n, seconds)
        self._show()

    def video(self, name: str) -> None:
        self._pace.videos_done += 1
        self._show()

    def note(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)

    def done(self) -> None:
        self._bar.stop()

    def _show(self) -> None:
        if self._task is not None:
            videos = f"{self._pace.videos_done}/{self._pace.videos} videos"
            self._bar.update(self._task, description=videos, completed=self._pace.frames_done, pace=str(self._pace))


def default_progress() -> Progress:
    """A bar on a terminal, lines elsewhere."""
    return RichProgress() if sys.stdout.isatty() else PlainProgress()
