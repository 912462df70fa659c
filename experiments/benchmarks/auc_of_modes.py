"""What engines, precisions and left-out frames cost in AUC.

    python experiments/benchmarks/auc_of_modes.py --weights RUN --root DATA [--layout folder] [--modes M …] [--skip N …]
        [--gate G …] [--longest N] [--mask-seeds N …] [--json FILE]

Scores the test videos of DATA from their files in every mode (backend:precision), and in the first mode with frames
left out: N in a row whatever happens, and, for each G, --longest (15) in a row while no patch changes by G gray levels.
The ratio is the largest absolute difference in micro AUC from the first mode, of the other modes or, if there are none,
of what is left out. With --mask-seeds each micro AUC is the mean over so many draws of the masks.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from record import record

from aed_lightning import load
from aed_lightning.core import FrameScores
from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.data.layouts import Layout, VideoSource, open_layout
from aed_lightning.data.readers import open_video
from aed_lightning.metrics import evaluate
from aed_lightning.runtime import Scorer
from aed_lightning.runtime.gating import EVERY_FRAME, Gate


def test_videos(layout: Layout) -> list[VideoSource]:
    return [video for video in layout.videos() if video.split == "test"]


def scores_of(scorer: Scorer, video: VideoSource, gate: Gate) -> np.ndarray:
    """Raw scores of a video, from its file."""
    reader = open_video(video.path, fps=video.fps)
    numbered = enumerate(reader.some(gate.needed(scorer.clip_offset, 1)))
    frames = scorer.stream(video.name, numbered, gate=gate, pulse=reader.pulse)
    return np.array([frame.raw for frame in frames])


def micro_auc(scorer: Scorer, layout: Layout, gate: Gate) -> float:
    """Of all test videos, standard protocol."""
    scored = []
    for video in test_videos(layout):
        raw = scores_of(scorer, video, gate)
        scored.append(FrameScores(video.name, np.arange(len(raw)), raw, None, layout.labels(video, len(raw))))
    return float(evaluate(scored, sigma_frames=scorer.smoothing.sigma)["micro_auc"])


def micro_aucs(drawn: list[Scorer], layout: Layout, gate: Gate) -> dict[str, float]:
    """The mean over draws of the masks, and each."""
    each = {f"masks {scorer.seed}": micro_auc(scorer, layout, gate) for scorer in drawn}
    return {"micro_auc": fmean(each.values()), **(each if len(each) > 1 else {})}


def computed_share(scorer: Scorer, layout: Layout, gate: Gate) -> float:
    """Share of the frames that the network sees."""
    patch, computed = scorer.engine.graph.network.patch_size, []
    for video in test_videos(layout):
        windows = scorer.windows(enumerate(open_video(video.path, fps=video.fps).frames()))
        computed += [window.computed for window in gate.mark(windows, patch, 1)]
    return float(np.mean(computed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--layout", default="folder")
    parser.add_argument("--modes", nargs="+", default=["torch:32-true"])
    parser.add_argument("--skip", type=int, nargs="*", default=[])
    parser.add_argument("--gate", type=float, nargs="*", default=[])
    parser.add_argument("--longest", type=int, default=15)
    parser.add_argument("--mask-seeds", type=int, nargs="+", help="default: the seed of the weights")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()  # as every verb does
    if len(options.modes) + len(options.skip) + len(options.gate) < 2:
        parser.error("give two modes, or --skip or --gate")
    layout = open_layout(options.layout, options.root)
    found: dict[str, dict[str, float]] = {}
    gates = {f"skip {skip}": Gate(skip) for skip in options.skip}
    gates |= {f"gate {levels:g}": Gate(options.longest, levels) for levels in options.gate}
    for number, mode in enumerate(options.modes):
        backend, _, precision = mode.partition(":")
        scorer = load(options.weights, device="cpu", backend=backend, precision=precision)
        drawn = [replace(scorer, seed=seed) for seed in options.mask_seeds or [scorer.seed]]
        found[mode] = micro_aucs(drawn, layout, EVERY_FRAME)
        for name, gate in gates.items() if number == 0 else ():
            found[f"{mode}, {name}"] = {
                **micro_aucs(drawn, layout, gate), "computed": computed_share(scorer, layout, gate),
            }  # fmt: skip
    first = found[options.modes[0]]["micro_auc"]
    deltas = {name: line["micro_auc"] - first for name, line in found.items()}
    asked = options.modes[1:] or list(found)[1:]
    name, bar = ("auc_of_modes", 0.001) if options.modes[1:] else ("auc_of_left_out", 0.003)
    record(
        name, max(abs(deltas[row]) for row in asked), list(found.values()), bar=bar, higher_is_better=False,
        file=options.json, rows=list(found), longest=options.longest, auc_delta=deltas, layout=options.layout,
    )  # fmt: skip


if __name__ == "__main__":
    main()
