"""SIGTERM ends a verb as Ctrl-C does: what is open is closed, and the exit code says what it was."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..core import Interrupted


@contextmanager
def ended_by_signals(advice: str) -> Iterator[None]:
    """Raise Interrupted with `advice` where SIGINT or SIGTERM ends the block; a second one ends its clean-up too."""
    received = [signal.SIGINT]

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        # Not Interrupted: whoever takes every Exception for one of its own would go on.
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = received[-1]
        raise Interrupted(f"stopped by {number.name}; {advice}", signal_number=number) from interrupt
    finally:
        signal.signal(signal.SIGTERM, before)
