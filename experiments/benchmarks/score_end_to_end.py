"""How fast a file is scored from end to end, against the network alone.

    python experiments/benchmarks/score_end_to_end.py [--size 160 320] [--patch 16] [--frames 600] [--json FILE]

The same 640x360 H.264 file (the toy scene) is scored by `score_recording`, decoding, resizing, masks, rule, smoothing
and files included, without and with the overlay, and the bare network runs on as many clips of the same batch size, in
turns. The network has random weights; both decoders run. The ratio is that of the file without the overlay.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from record import record

from aed_lightning.core.environment import has_bfloat16
from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.data.progress import SilentProgress
from aed_lightning.model import AutoEncoder
from aed_lightning.runtime import Scorer
from aed_lightning.runtime.engines import TorchEngine
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.runtime.recordings import Manner, score_recording
from aed_lightning.runtime.sources import Recording
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.scoring.smoothing import Smoothing
from aed_lightning.toy import write_toy

VIDEO_SIZE, BATCH = (360, 640), 32


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def alone(scorer: Scorer, frames: int) -> None:
    """The network on so many clips."""
    network = scorer.engine.graph.network
    inputs = torch.rand(BATCH, 9, network.rows * network.patch_size, network.columns * network.patch_size) * 2 - 1
    mask = torch.zeros(BATCH, network.active_tokens, dtype=torch.bool)
    mask[:, network.visible_tokens(network.mask_ratio) :] = True
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=scorer.engine.precision == "bf16-mixed")
    with torch.inference_mode(), autocast:
        for _ in range(-(-frames // BATCH)):
            network(inputs, mask, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(160, 320), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--patch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()  # as every verb does
    scorer = Scorer(
        TorchEngine(
            ScoringGraph(AutoEncoder(tuple(options.size), options.patch), DefaultRule(), with_student=True, channels=3),
            torch.device("cpu"), "bf16-mixed" if has_bfloat16() else "32-true",
        ),
        smoothing=Smoothing(), clip_offset=3, seed=0, calibrations={},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_toy(folder / "toy", size=VIDEO_SIZE, train_videos=1, test_videos=0, frames=options.frames)
        (video,) = (folder / "toy" / "train").glob("*.mp4")

        def scored(overlay: bool) -> None:
            shutil.rmtree(folder / "out", ignore_errors=True)
            manner = Manner(1e9, 1e9, overlay=overlay, batch_size=BATCH)
            score_recording(scorer, Recording(video), folder / "out", manner, SilentProgress(), {})

        samples = []
        for _ in range(options.rounds + 1):
            times = {
                "network": seconds(lambda: alone(scorer, options.frames)),
                "file": seconds(lambda: scored(overlay=False)),
                "file_with_overlay": seconds(lambda: scored(overlay=True)),
            }
            samples.append(
                {name: options.frames / taken for name, taken in times.items()}
                | {f"{name}_ratio": times["network"] / times[name] for name in ("file", "file_with_overlay")}
            )
    # The first turn pays for the page cache and the libraries.
    del samples[0]
    record(
        "score_end_to_end", statistics.median(sample["file_ratio"] for sample in samples), samples, bar=0.85,
        higher_is_better=True, file=options.json, unit="frames a second", frames=options.frames, batch_size=BATCH,
        frame_size=list(options.size), patch_size=options.patch, precision=scorer.engine.precision,
    )  # fmt: skip


if __name__ == "__main__":
    main()
