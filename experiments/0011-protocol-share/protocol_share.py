"""How much of a figure is the protocol's (docs/evaluation.md 2 and 3): python protocol_share.py RUN

Filters the raw scores of RUN/scores in several ways and prints micro AUC, macro AUC, and the macro AUC with the two
invented frames of each video, as Markdown; beside them random scores filtered alike. Nothing is trained or scored.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from aed_lightning.core import FrameScores
from aed_lightning.data.score_files import read_frame_scores
from aed_lightning.metrics import evaluate
from aed_lightning.metrics.official import zero_padded_filter
from aed_lightning.scoring.temporal import smooth

RANDOM = 20
ONE_TAP = {"range": 2, "mu": 1 / np.sqrt(2 * np.pi)}
"""Leaves the scores as they are."""
Filter = Callable[[FrameScores], FrameScores]


def gaussian(scores: FrameScores, sigma: float) -> FrameScores:
    return replace(scores, raw=smooth(scores.raw, scores.frame_index, sigma, 1))


def released(scores: FrameScores, width: int, mu: float) -> FrameScores:
    return replace(scores, raw=zero_padded_filter(scores.raw, width, mu))


def without_first(scores: FrameScores, frames: int) -> FrameScores:
    assert scores.label is not None
    return FrameScores(scores.video, scores.frame_index[frames:], scores.raw[frames:], label=scores.label[frames:])


FILTERS: dict[str, Filter] = {
    "none": lambda scores: scores,
    "none, first 4 frames of each video left out": partial(without_first, frames=4),
    "Gaussian, sigma 5, ends reflected": partial(gaussian, sigma=5.0),
    "Gaussian, sigma 11, ends reflected": partial(gaussian, sigma=11.0),
    "released, 38/11: zeros beyond the ends": partial(released, width=38, mu=11),
    "released, 302/21": partial(released, width=302, mu=21),
    "released, 900/282": partial(released, width=900, mu=282),
}


def figures(videos: list[FrameScores], minmax: bool) -> tuple[float, float, float]:
    """Micro AUC, macro AUC of the videos with both classes, macro AUC of all with the invented frames."""
    plain = evaluate(videos, per_video_minmax=minmax)
    padded = evaluate(videos, "official", per_video_minmax=minmax, **ONE_TAP)
    return plain["micro_auc"], plain["macro_auc"], padded["macro_auc_padded"]


def row(videos: list[FrameScores], each: Filter, minmax: bool) -> np.ndarray:
    return np.array(figures([each(scores) for scores in videos], minmax))


def main() -> None:
    scores = Path(sys.argv[1]) / "scores"
    videos, _ = read_frame_scores(scores, scores)
    numbers = np.random.default_rng(0)
    noise = [[replace(video, raw=numbers.random(len(video.raw))) for video in videos] for _ in range(RANDOM)]
    print("| filter | each video to [0, 1] | micro | macro | macro, padded | random scores: micro | macro | padded |")
    print("|---|---|---|---|---|---|---|---|")
    for name, each in FILTERS.items():
        for minmax in (False, True):
            found = [row(videos, each, minmax), np.mean([row(one, each, minmax) for one in noise], axis=0)]
            values = " | ".join(f"{value:.3f}" for value in np.concatenate(found))
            print(f"| {name} | {'yes' if minmax else 'no'} | {values} |")


if __name__ == "__main__":
    main()
