import signal

import pytest

from aed_lightning.core import stops
from aed_lightning.core.stops import Stops


@pytest.mark.parametrize(
    ("first", "second", "seconds", "expected"),
    [
        (signal.SIGTERM, signal.SIGTERM, 0.5, True),
        (signal.SIGTERM, signal.SIGTERM, 1.5, False),
        (signal.SIGINT, signal.SIGINT, 0.1, False),
        (signal.SIGINT, signal.SIGTERM, 0.1, False),
        (signal.SIGTERM, signal.SIGINT, 0.1, False),
    ],
)
def test_only_sigterm_soon_after_sigterm_is_one_that_came_twice(monkeypatch, first, second, seconds, expected):
    now = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(stops.time, "monotonic", lambda: next(now))
    signals = Stops()
    assert not signals.told_twice(first)
    assert signals.told_twice(second) is expected
    assert signals.first == first
