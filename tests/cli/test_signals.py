import os
import signal

import pytest

from aed_lightning.cli.signals import ended_by_signals
from aed_lightning.core import Interrupted


def cleans_up(first: signal.Signals, second: signal.Signals) -> bool:
    """Whether a clean-up after the signal `first` gets to its end although `second` comes in it."""
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), first)
        finally:
            os.kill(os.getpid(), second)
            cleaned.append(True)

    with pytest.raises(Interrupted, match="go on"), ended_by_signals("go on"):
        work()
    return bool(cleaned)


def test_sigterm_told_twice_leaves_the_clean_up_alone():
    assert cleans_up(signal.SIGTERM, signal.SIGTERM)


def test_another_signal_ends_the_clean_up_too():
    assert not cleans_up(signal.SIGTERM, signal.SIGINT)
