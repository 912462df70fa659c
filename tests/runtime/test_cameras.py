import threading
from concurrent.futures import Future

import pytest
import torch
from torch import Tensor
from waiting import in_a_thread, until

from aed_lightning.model import AutoEncoder
from aed_lightning.runtime.cameras import SharedEngine
from aed_lightning.runtime.engines import Engine, TorchEngine
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.scoring.rules import DefaultRule


class Held(Engine):
    """An engine that waits until it may run, and counts. begun: set when it has been called."""

    def __init__(self, inner: Engine) -> None:
        self.backend, self.graph, self.precision = inner.backend, inner.graph, inner.precision
        self.inner, self.batches = inner, []
        self.begun, self.may_run = threading.Event(), threading.Event()

    def __call__(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        self.begun.set()
        self.may_run.wait(60)
        self.batches.append(len(frames))
        if (frames[:, 0, 0, 0, 0] == 255).any():
            raise ValueError("broken clip")
        return self.inner(frames, mask)


@pytest.fixture
def held() -> Held:
    graph = ScoringGraph(AutoEncoder((32, 64), 8).eval(), DefaultRule(), with_student=True, channels=1)
    return Held(TorchEngine(graph, torch.device("cpu"), "32-true"))


def clips_of(held: Held, number: int) -> tuple[Tensor, Tensor]:
    """None of which is broken."""
    frames, mask = held.graph.example(clips=number)
    return frames.clamp(max=254), mask


def run_at_once(held: Held, shared: SharedEngine, clips: list[tuple[Tensor, Tensor]]) -> list[Future]:
    """What comes of them, where the first runs until all others wait."""
    first, *others = clips
    work = [in_a_thread(shared, *first)]
    assert held.begun.wait(60)
    work += [in_a_thread(shared, *clip) for clip in others]
    until(lambda: shared._waiting.qsize() == len(others), "all of them wait")
    held.may_run.set()
    return work


def test_clips_that_wait_are_one_batch_and_each_gets_its_own_scores(held: Held):
    clips = [clips_of(held, number) for number in (1, 2, 1, 3)]
    expected = [held.inner(*clip) for clip in clips]
    with SharedEngine(held) as shared:
        found = [future.result(60) for future in run_at_once(held, shared, clips)]
    for (values, heat), (expected_values, expected_heat) in zip(found, expected, strict=True):
        torch.testing.assert_close(values, expected_values, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(heat, expected_heat, rtol=1e-5, atol=1e-6)
    assert held.batches == [1, 6]  # what came first, and then the others
    assert shared.largest_batch == max(held.batches)


def test_a_batch_has_an_end(held: Held):
    clips = [clips_of(held, 2) for _ in range(5)]
    with SharedEngine(held, most=4) as shared:
        for future in run_at_once(held, shared, clips):
            future.result(60)
    assert held.batches == [2, 4, 4]


def test_an_error_reaches_whoever_waits_and_the_engine_goes_on(held: Held):
    held.may_run.set()
    frames, mask = clips_of(held, 1)
    broken = torch.full_like(frames, 255)
    with SharedEngine(held) as shared:
        with pytest.raises(ValueError, match="broken clip"):
            shared(broken, mask)
        shared(frames, mask)


def test_a_clip_that_breaks_the_engine_does_not_take_the_others_of_its_batch_along(held: Held):
    frames, mask = clips_of(held, 1)
    with SharedEngine(held) as shared:
        *good, bad = run_at_once(held, shared, [(frames, mask)] * 3 + [(torch.full_like(frames, 255), mask)])
        with pytest.raises(ValueError, match="broken clip"):
            bad.result(60)
        for future in good:
            torch.testing.assert_close(future.result(60), held.inner(frames, mask), rtol=1e-5, atol=1e-6)


def test_an_engine_that_has_ended_says_so_instead_of_waiting_for_ever(held: Held):
    with SharedEngine(held) as shared:
        pass
    with pytest.raises(RuntimeError, match="the engine has ended"):
        shared(*clips_of(held, 1))
