"""How many cameras one model serves, and how long a frame waits for its score.

    python experiments/benchmarks/cameras.py [--cameras 1 2 4 8 16] [--fps 25] [--size 160 320] [--patch 16]
        [--backend torch] [--seconds 10] [--json FILE]

Each camera is a thread that has a clip of noise ready every 1/FPS seconds and waits for its score; a clip whose turn
has passed meanwhile is dropped, as of a real camera. All share one engine, which takes what waits as one batch, or, for
comparison, clip by clip. The ratio is frames a second of the most cameras, batched over clip by clip.
"""

import argparse
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from record import record

from aed_lightning.core.environment import has_bfloat16
from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.model import AutoEncoder
from aed_lightning.runtime.cameras import SharedEngine
from aed_lightning.runtime.engines import Engine, build_engine
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.scoring.rules import DefaultRule


@dataclass
class Camera:
    """A source that gives a clip at every tick. latencies: seconds from a clip's tick to its score."""

    fps: float
    latencies: list[float] = field(default_factory=list)
    dropped: int = 0

    def run(self, engine: Engine, start: float, end: float) -> None:
        frames, mask = engine.graph.example(clips=1)
        tick = 0
        while (due := start + tick / self.fps) < end:
            time.sleep(max(0.0, due - time.monotonic()))
            engine(frames, mask)
            self.latencies.append(time.monotonic() - due)
            late = int((time.monotonic() - due) * self.fps)
            self.dropped += late
            tick += late + 1


def watch(engine: Engine, cameras: int, fps: float, seconds: float, most: int) -> dict[str, float]:
    """So many cameras for so long."""
    sources = [Camera(fps) for _ in range(cameras)]
    with SharedEngine(engine, most) as shared:
        # Cameras do not tick together.
        starts = time.monotonic() + 0.1 + np.arange(cameras) / cameras / fps
        threads = [
            threading.Thread(target=camera.run, args=(shared, start, start + seconds))
            for camera, start in zip(sources, starts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    latencies = np.concatenate([camera.latencies for camera in sources])
    dropped = sum(camera.dropped for camera in sources)
    return {
        "cameras": cameras, "most": most, "frames_per_second": len(latencies) / seconds,
        "dropped_share": dropped / (dropped + len(latencies)), "largest_batch": shared.largest_batch,
        "p50_milliseconds": 1000 * float(np.percentile(latencies, 50)),
        "p99_milliseconds": 1000 * float(np.percentile(latencies, 99)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--size", type=int, nargs=2, default=(160, 320), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--patch", type=int, default=16)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()  # as every verb does
    network = AutoEncoder(tuple(options.size), options.patch).eval()
    graph = ScoringGraph(network, DefaultRule(), with_student=True, channels=3)
    precision = "bf16-mixed" if has_bfloat16() else "32-true"
    engine = build_engine(graph, backend=options.backend, device=torch.device("cpu"), precision=precision)
    for clips in range(1, 33):  # engines prepare for each size of batch
        engine(*graph.example(clips=clips))
    samples = [
        watch(engine, cameras, options.fps, options.seconds, most) for cameras in options.cameras for most in (1, 32)
    ]
    alone, batched = samples[-2:]
    record(
        "cameras", batched["frames_per_second"] / alone["frames_per_second"], samples, bar=1.0, higher_is_better=True,
        file=options.json, fps=options.fps, frame_size=list(options.size), patch_size=options.patch,
        backend=options.backend, precision=precision,
    )  # fmt: skip


if __name__ == "__main__":
    main()
