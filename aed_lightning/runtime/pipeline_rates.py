"""The speed of what is around the network: scoring a video from its file, and loading clips for a training."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from ..data.module import DataModule
from ..data.readers import open_video
from ..scoring.smoothing import Smoothing
from .benchmark import engine_of
from .graph import ScoringGraph
from .scorer import CLIP_OFFSET, Scorer
from .timing import Timing, take_turns

DECODING = "decode, resize"
"""What comes before the network."""


def time_file(
    file: Path, graph: ScoringGraph, modes: Sequence[str], *, rounds: int, device: torch.device, batch: int
) -> dict[tuple[str, int], Timing]:
    """Timings of scoring the video `file` from its first frame to its last, by mode and batch size.

    No mode can be faster than `DECODING`.
    """
    frames = sum(1 for _ in open_video(file).frames())

    def scorer(mode: str) -> Scorer:
        return Scorer(engine_of(mode, graph, device), Smoothing(), CLIP_OFFSET, 0, {})

    def decode(scorer: Scorer) -> None:
        deque(scorer.windows(enumerate(open_video(file).frames())), maxlen=0)

    def score(scorer: Scorer) -> None:
        reader = open_video(file)
        numbered = enumerate(reader.frames())
        deque(scorer.stream(file.stem, numbered, batch_size=batch, pulse=reader.pulse), maxlen=0)

    scorers = {mode: scorer(mode) for mode in modes}
    work: dict[str, Callable[[], object]] = {DECODING: lambda: decode(next(iter(scorers.values())))}
    work |= {mode: partial(score, one) for mode, one in scorers.items()}
    return {(mode, batch): timing for mode, timing in take_turns(work, frames, rounds=rounds, device=device).items()}


def time_loading(module: DataModule, *, rounds: int) -> dict[tuple[str, int], Timing]:
    """Timing of a finished batch of the training, by the number of workers and batch size; they are started before."""
    batches, seconds = _batches(module), []
    next(batches)
    for _ in range(rounds):
        begin = time.perf_counter()
        next(batches)
        seconds.append(time.perf_counter() - begin)
    return {(f"{module.workers} workers", module.batch_size): Timing(tuple(seconds), module.batch_size)}


def _batches(module: DataModule) -> Iterator[object]:
    loader = module.train_dataloader()
    while True:
        for clips in loader:
            yield module.finish(clips)
