"""SIGTERM ends a verb as Ctrl-C does: what is open is closed, and the exit code says what it was."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..core import Interrupted
from ..core.stops import Stops


@contextmanager
def ended_by_signals(advice: str, stops: Stops | None = None) -> Iterator[None]:
    """Raise Interrupted with `advice` where SIGINT or SIGTERM ends the block; a second one ends its clean-up too.

    SIGUSR1, a scheduler's warning, ends nothing. stops: shared with whoever takes the signals inside the block.
    """
    stops, received = stops or Stops(), [signal.SIGINT]

    def stop(number: int, frame: FrameType | None) -> None:
        if stops.told_twice(number):
            return
        received.append(signal.Signals(number))
        # Not Interrupted: whoever takes every Exception for one of its own would go on.
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGTERM, stop), (signal.SIGUSR1, signal.SIG_IGN))
    }
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = received[-1]
        raise Interrupted(f"stopped by {number.name}; {advice}", signal_number=number) from interrupt
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        number = received[-1]  # Lightning has made exit code 1 of it
        raise Interrupted(f"stopped by {number.name}; {advice}", signal_number=number) from end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
