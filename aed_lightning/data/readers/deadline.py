"""Decode in a thread while the rest works on the frames before, and do not wait for ever."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from queue import Empty, Full, Queue
from typing import TypeVar

from ...core import DataError

POLL_SECONDS = 0.2
DEADLINE_SECONDS = 60.0
END_SECONDS = 10.0
"""For a call that has begun, where nobody wants its result any more."""
HANGS = "hangs"
"""`name` of the error of a reader that does not come back."""

T = TypeVar("T")


class Pulse:
    """What a reader of `path` is doing; `beats` grows with each native call that comes back.

    A thread cannot be killed and a native call cannot be interrupted, so the one who waits watches this instead. A
    count, not a clock: a process that was stopped and goes on is not late.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.beats = 0
        self.doing = "opening it"

    def beat(self, doing: str) -> None:
        """The last call came back; `doing` is the next one."""
        self.doing = doing
        self.beats += 1


def ahead(items: Iterable[T], pulse: Pulse, limit: int = 8) -> Iterator[T]:
    """The same items, in order, produced up to `limit` ahead by another thread; errors come out where they belong.

    Stopping early stops the thread: it ends before this iterator is closed, unless that takes END_SECONDS. Raises
    DataError where the producer waits for one native call longer than DEADLINE_SECONDS; its thread and its decoder are
    then left alone, neither can be freed, and neither keeps the program from ending.
    """
    queue: Queue[tuple[T] | BaseException | None] = Queue(limit)
    stop = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                return queue.put(item, timeout=POLL_SECONDS)
            except Full:
                continue

    def produce() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                put((item,))
                if stop.is_set():
                    break
            put(None)
        except BaseException as error:
            put(error)
        finally:
            # The generator holds the decoder, which must be closed by the thread that used it.
            del iterator

    thread = threading.Thread(target=produce, name="decoder", daemon=True)
    thread.start()
    hangs = False
    try:
        while (item := _next(queue, pulse)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    except _Late as late:
        hangs = True
        raise DataError(
            f"{pulse.path} hangs: {pulse.doing} has not come back for {late.seconds:g} s; "
            "see whether its disk answers, replace the file or take it away",
            name=HANGS,
        ) from None
    finally:
        stop.set()
        if not hangs:
            thread.join(END_SECONDS)


def in_time(call: Callable[[], T], pulse: Pulse) -> T:
    """The result of `call`, or DataError as in `ahead` where it hangs."""
    return next(ahead((make() for make in [call]), pulse))


class _Late(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def _next(queue: "Queue[tuple[T] | BaseException | None]", pulse: Pulse) -> tuple[T] | BaseException | None:
    waited, beats, deadline = 0.0, pulse.beats, DEADLINE_SECONDS
    while True:
        try:
            return queue.get(timeout=min(POLL_SECONDS, deadline))
        except Empty:
            waited = waited + POLL_SECONDS if pulse.beats == beats else 0.0
            beats = pulse.beats
            if waited >= deadline:
                raise _Late(deadline) from None
