import time

import pytest
import torch

from aed_lightning.core import UsageError
from aed_lightning.runtime import timing
from aed_lightning.runtime.timing import Timing, peak_rate, ratio, take_turns

CPU = torch.device("cpu")


def test_a_timing_tells_rate_spread_and_latency():
    timing = Timing((0.4, 0.1, 0.2, 0.3, 0.5), frames=6)
    assert timing.rate == pytest.approx(20.0)
    assert timing.spread == pytest.approx((0.4 - 0.2) / 0.6)
    assert timing.latency(50) == pytest.approx(0.3)
    assert timing.latency(99) == pytest.approx(0.496)


def test_a_ratio_is_taken_round_by_round_and_frame_by_frame():
    slow, fast = Timing((2.0, 4.0, 9.0), frames=1), Timing((1.0, 1.0, 3.0), frames=2)
    middle, spread = ratio(slow, fast)
    assert middle == pytest.approx(6.0)
    assert spread == pytest.approx((7.0 - 5.0) / 2 / 6.0)


def test_work_takes_turns_and_the_first_round_does_not_count():
    order = []
    work = {name: lambda name=name: (order.append(name), time.sleep(0.01)) for name in "ab"}
    found = take_turns(work, 4, rounds=3, device=CPU)
    assert "".join(order) == "ab" * 4
    assert [len(timing.seconds) for timing in found.values()] == [3, 3]
    assert all(second >= 0.01 for second in found["a"].seconds)
    assert found["a"].frames == 4


def test_no_rounds_are_refused():
    with pytest.raises(UsageError, match="0 rounds: give 1 or more"):
        take_turns({}, 1, rounds=0, device=CPU)


def test_the_peak_counts_two_operations_a_multiply_add(monkeypatch):
    monkeypatch.setattr(timing, "take_turns", lambda work, *_, **__: {name: Timing((4.0, 2.0), 1) for name in work})
    assert peak_rate(CPU, torch.float32) == 2048**3
