"""The clips of a camera or a stream: what there is no time for is dropped and counted."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..data.ingest import stored_frame
from ..data.progress import SECONDS_BETWEEN_LINES
from ..data.readers.live import LiveReader, Lost, Picture
from .windows import Window, Windows

QUEUE = 2
"""Clips that may wait for the model; the oldest gives way."""
POLL_SECONDS = 0.2

Say = Callable[[str], None]


class LiveWindows:
    """The clips of a live source, from a thread that waits for the model only at a gap, where there is time.

    Frames are numbered as they come; where the stream was away a number is left out, so that nothing crosses the gap.
    shape: height, width and channels of the network's frames. say: receives what the user should know, and once a
    minute how it goes. gap: called between two batches when all clips before a gap have been scored. ended: ends
    `batches`, once it is set.
    size: height and width of the frames, once there are some. next_frame: the number of the frame that comes next.
    longest_queue: the most clips that have waited for the model.
    """

    def __init__(
        self, reader: LiveReader, shape: tuple[int, int, int], offset: int, stride: int, say: Say,
        *, gap: Callable[[], None] = lambda: None, ended: threading.Event | None = None,
    ) -> None:  # fmt: skip
        self._reader, self._shape, self._say, self._gap = reader, shape, say, gap
        self._windows = Windows(offset, stride)
        self._waiting: deque[Window] = deque()
        self._ready = threading.Condition()
        self._dropped = self._frames = self._all_dropped = 0
        self._at_gap = False
        self._state = "connecting"
        self._error: BaseException | None = None
        self._ended = threading.Event() if ended is None else ended
        self.size: tuple[int, int] | None = None
        self._pictures: dict[int, Picture] = {}
        self.next_frame = self.longest_queue = 0
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def __enter__(self) -> "LiveWindows":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let `batches` end."""
        self._ended.set()

    def picture(self, number: int) -> Picture:
        """What came as frame `number`, which has been scored and is forgotten now."""
        return self._pictures.pop(number)

    def batches(self) -> Iterator[list[Window]]:
        """One clip at a time, the oldest that still waits, and no clip at a gap; until `end`."""
        told, frames = time.monotonic(), 0
        while not self._ended.is_set():
            if (passed := time.monotonic() - told) >= SECONDS_BETWEEN_LINES:
                rate = (self._frames - frames) / passed
                self._say(f"{self._frames} frames, {rate:.1f} a second, {self._all_dropped} dropped; {self._state}")
                told, frames = time.monotonic(), self._frames
            with self._ready:
                if self._error is not None:
                    raise self._error
                if self._waiting:
                    batch = [replace(self._waiting.popleft(), dropped=self._dropped)]
                    self._dropped = 0
                elif self._at_gap:
                    batch = []
                else:
                    self._ready.wait(POLL_SECONDS)
                    continue
                self._ready.notify_all()
            yield batch
            if not batch:
                self._gap()
                with self._ready:
                    self._at_gap = False
                    self._ready.notify_all()

    def _run(self) -> None:
        try:
            away_since = None
            for event in self._reader.pictures():
                if self._ended.is_set():
                    return
                if isinstance(event, Lost):
                    if away_since is None:
                        away_since, self._state = time.monotonic(), "the stream is away"
                        self._say(f"{self._state}: {event.reason}; trying again")
                        self._flush()
                    continue
                if away_since is not None and self.next_frame:
                    self._say(f"the stream is back after {time.monotonic() - away_since:.1f} s")
                    self.next_frame += self._windows.stride
                away_since, self._state = None, "connected"
                size = (event.frame.shape[0], event.frame.shape[1])
                if self.size is not None and self.size != size:
                    self._say(f"frames of {_shown(size)} pixels instead of {_shown(self.size)}: scoring starts anew")
                    self._flush()
                    self.next_frame += self._windows.stride
                self.size = size
                self._take(self.next_frame, event)
                self.next_frame += 1
                self._frames += 1
        except BaseException as error:
            with self._ready:
                self._error = error
                self._ready.notify_all()

    def _take(self, number: int, picture: Picture) -> None:
        if number % self._windows.stride == 0:
            self._pictures[number] = picture
        height, width, channels = self._shape
        self._offer(self._windows.push(number, stored_frame(picture.frame, (height, width), channels)))

    def _flush(self) -> None:
        """Hand over the last clips before a gap, as there is room, until they are scored."""
        for window in self._windows.flush():
            self._wait_while(lambda: len(self._waiting) >= QUEUE)
            self._offer([window])
        with self._ready:
            self._at_gap = True
            self._ready.notify_all()
        self._wait_while(lambda: self._at_gap)

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        with self._ready:
            while condition() and not self._ended.is_set():
                self._ready.wait(POLL_SECONDS)

    def _offer(self, windows: list[Window]) -> None:
        with self._ready:
            for window in windows:
                self._waiting.append(window)
                if len(self._waiting) > QUEUE:
                    gone = self._waiting.popleft()
                    self._pictures.pop(gone.frame_index)
                    self._dropped += 1
                    self._all_dropped += 1
                self.longest_queue = max(self.longest_queue, len(self._waiting))
            self._ready.notify_all()


def _shown(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
