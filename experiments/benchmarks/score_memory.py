"""Whether the memory of scoring, and what a frame costs, grow with the length of the video.

    python experiments/benchmarks/score_memory.py [--frames 20000] [--json FILE]

An endless source of noise is scored at the size of toy, files and events included, and anonymous memory (RssAnon),
threads, open files and seconds of the processor are noted. The ratio is the largest memory after frame 1,000 over that
at 1,000; `cost_ratio` is processor time a frame in the last quarter over that in the first, from frame 1,000 on.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from record import record

from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.model import AutoEncoder
from aed_lightning.runtime import Scorer
from aed_lightning.runtime.engines import TorchEngine
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.runtime.results import Results
from aed_lightning.scoring.events import Alarm
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.scoring.smoothing import Smoothing

SIZE, SETTLED, EVERY = (64, 112), 1000, 500


def frames(number: int) -> Iterator[tuple[int, np.ndarray]]:
    """Noise of 180x320 pixels."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (2 * 180, 2 * 320, 3), np.uint8)
    for index in range(number):
        top, left = int(random.integers(0, 180)), int(random.integers(0, 320))
        yield index, np.ascontiguousarray(noise[top : top + 180, left : left + 320])


def _last_over_first_quarter(samples: list[dict[str, float]]) -> float:
    marks = [sample["seconds"] for sample in samples if sample["frame"] >= SETTLED]
    quarter = (len(marks) - 1) // 4
    return (marks[-1] - marks[-1 - quarter]) / (marks[quarter] - marks[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()  # as every verb does
    scorer = Scorer(
        TorchEngine(
            ScoringGraph(AutoEncoder(SIZE, 8), DefaultRule(), with_student=True, channels=3),
            torch.device("cpu"), "32-true",
        ),
        smoothing=Smoothing(), clip_offset=3, seed=0, calibrations={},
    )  # fmt: skip
    samples: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        results = Results(Path(name), Alarm(0.5, 0.4), size=(180, 320), fps=25.0, stride=1, about={})
        for scored in scorer.stream("noise", frames(options.frames)):
            results.write(scored, scored.frame_index / 25)
            if scored.frame_index % EVERY == 0:
                samples.append({"frame": scored.frame_index, "seconds": time.process_time(), **usage()})
        results.close()
    settled = [sample["anonymous_mib"] for sample in samples if sample["frame"] >= SETTLED]
    record(
        "score_memory", max(settled) / settled[0], samples, bar=1.02, higher_is_better=False, file=options.json,
        frames=options.frames, cost_ratio=round(_last_over_first_quarter(samples), 4),
    )  # fmt: skip


def usage() -> dict[str, float]:
    """Of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    values = {key: value.split()[0] for key, _, value in (line.partition(":") for line in lines) if value.strip()}
    return {
        "anonymous_mib": int(values["RssAnon"]) / 1024,
        "threads": int(values["Threads"]),
        "files": len(os.listdir("/proc/self/fd")),
    }


if __name__ == "__main__":
    main()
