import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from aed_lightning.model import AutoEncoder
from aed_lightning.runtime.cameras import SharedEngine
from aed_lightning.runtime.engines import Engine, TorchEngine
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.scoring.rules import DefaultRule


class Held(Engine):
    """An engine that waits until it may run, and counts."""

    def __init__(self, inner: Engine) -> None:
        self.backend, self.graph, self.precision = inner.backend, inner.graph, inner.precision
        self.inner, self.may_run, self.batches = inner, threading.Event(), []

    def __call__(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        self.may_run.wait(60)
        self.batches.append(len(frames))
        if frames[0, 0, 0, 0, 0] == 255:
            raise ValueError("broken clip")
        return self.inner(frames, mask)


@pytest.fixture
def held() -> Held:
    graph = ScoringGraph(AutoEncoder((32, 64), 8).eval(), DefaultRule(), with_student=True, channels=1)
    return Held(TorchEngine(graph, torch.device("cpu"), "32-true"))


def test_clips_that_wait_are_one_batch_and_each_gets_its_own_scores(held: Held):
    clips = [held.graph.example(clips=number) for number in (1, 2, 1, 3)]
    expected = [held.inner(*clip) for clip in clips]
    with SharedEngine(held) as shared, ThreadPoolExecutor(4) as pool:
        work = [pool.submit(shared, *clip) for clip in clips]
        time.sleep(0.5)  # all of them wait
        held.may_run.set()
        found = [future.result(60) for future in work]
    for (values, heat), (expected_values, expected_heat) in zip(found, expected, strict=True):
        torch.testing.assert_close(values, expected_values, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(heat, expected_heat, rtol=1e-5, atol=1e-6)
    assert sum(held.batches) == 7
    assert len(held.batches) == 2  # the first that came, and then the others
    assert shared.largest_batch == max(held.batches)


def test_a_batch_has_an_end(held: Held):
    clips = [held.graph.example(clips=2) for _ in range(5)]
    with SharedEngine(held, most=4) as shared, ThreadPoolExecutor(5) as pool:
        work = [pool.submit(shared, *clip) for clip in clips]
        time.sleep(0.5)
        held.may_run.set()
        for future in work:
            future.result(60)
    assert held.batches == [2, 4, 4]


def test_an_error_reaches_whoever_waits_and_the_engine_goes_on(held: Held):
    held.may_run.set()
    frames, mask = held.graph.example(clips=1)
    broken = torch.full_like(frames, 255)
    with SharedEngine(held) as shared:
        with pytest.raises(ValueError, match="broken clip"):
            shared(broken, mask)
        shared(frames.clamp(max=254), mask)
