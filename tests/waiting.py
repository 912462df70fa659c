"""Waiting that has an end: what never comes fails a test, where it would hang otherwise."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any


def until(condition: Callable[[], object], what: str = "", seconds: float = 120, every: float = 0.02) -> None:
    """Wait until `condition` holds: long on a busy machine. what: it is, for people. every: seconds between looks."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s it does not hold: {what}"
        time.sleep(every)


def next_of(kind: type, events: Iterable[Any], seconds: float = 300) -> Any:
    """The next event of this kind, of events that come now and then for as long as they are taken."""
    deadline = time.monotonic() + seconds
    for event in events:
        if isinstance(event, kind):
            return event
        assert time.monotonic() < deadline, f"for {seconds:g} s no {kind.__name__}, but {event}"
    raise AssertionError(f"they have ended without a {kind.__name__}")


def in_a_thread(function: Callable[..., Any], *arguments: Any, **options: Any) -> Future:
    """The result to come of a call that nothing waits for: neither a `with`, as for a pool, nor the end of Python."""
    future: Future = Future()

    def call() -> None:
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


@contextmanager
def rescued(seconds: float, end: Callable[..., object], *arguments: Any) -> Iterator[None]:
    """Call `end`, which ends what is waited for, where what is done meanwhile fails or takes longer, a failure too."""
    late = threading.Event()

    def rescue() -> None:
        late.set()
        end(*arguments)

    timer = threading.Timer(seconds, rescue)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        end(*arguments)
        raise
    finally:
        timer.cancel()
    assert not late.is_set(), f"it took more than {seconds:g} s"


def end_all(leader: subprocess.Popen) -> None:
    """Kill a process that was started with a session of its own, ended or not, and all that it has started there."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
