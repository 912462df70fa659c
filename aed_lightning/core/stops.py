"""Signals that ask a process to stop: the first one politely, the second at once."""

import signal
import time

TWICE_SECONDS = 1.0
"""Within this time a second SIGTERM is the first one told twice."""


class Stops:
    """Tells a second signal from one that came twice.

    A scheduler that preempts a job sends SIGTERM to every process of it and again when it takes the job down; launchers
    hand on what their children got already. A user who presses Ctrl-C twice means it.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        """The number of the first signal, or none yet."""
        self._since = 0.0

    def told_twice(self, number: int) -> bool:
        """Note the signal `number`; whether it is the first one again."""
        if self.first is None:
            self.first, self._since = number, time.monotonic()
            return False
        return number == self.first == signal.SIGTERM and time.monotonic() - self._since < TWICE_SECONDS
