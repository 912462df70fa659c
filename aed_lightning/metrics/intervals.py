"""How sure AUCs are: bootstrap over videos, since the frames of a video are not independent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from aed_lightning.core import FrameScores

from .refusals import refuse_single_class
from .standard import ranked_scores

LEVEL = 0.95
FEW_VIDEOS = 20


def bootstrap_intervals(
    videos: Sequence[FrameScores],
    *,
    sigma_frames: float | int = 0.0,
    per_video_minmax: bool = False,
    stride: int = 1,
    causal: bool = False,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """95 % intervals of the `standard` micro and macro AUC, ready for JSON.

    Each draw takes as many videos as there are, some twice or more, some never. Gives micro_auc and macro_auc as
    [low, high] or none, micro_draws and macro_draws (draws without both classes, or without a video of both, are left
    out), level, resamples, seed, and note where the videos are so few that the interval is too narrow.
    Arguments and errors as for the protocol `standard`.
    """
    ranked = ranked_scores(
        videos, sigma_frames=sigma_frames, per_video_minmax=per_video_minmax, stride=stride, causal=causal
    )
    refuse_single_class(ranked)
    times = _times_drawn(len(ranked), resamples, seed)
    wins, pairs = _doubled_wins(ranked)
    micro = _quotients(((times @ wins) * times).sum(axis=1), ((times @ pairs) * times).sum(axis=1))
    mixed = np.diag(pairs) > 0
    areas = np.diag(wins)[mixed] / np.diag(pairs)[mixed]
    macro = _quotients(times[:, mixed] @ areas, times[:, mixed].sum(axis=1))
    return {
        "micro_auc": _interval(micro),
        "macro_auc": _interval(macro),
        "micro_draws": len(micro),
        "macro_draws": len(macro),
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "note": f"only {len(ranked)} videos: the intervals are too narrow" if len(ranked) < FEW_VIDEOS else None,
    }


def _times_drawn(videos: int, resamples: int, seed: int) -> Int64[np.ndarray, "draws videos"]:
    drawn = np.random.default_rng(seed).integers(0, videos, size=(resamples, videos))
    cells = drawn + videos * np.arange(resamples)[:, None]
    return np.bincount(cells.ravel(), minlength=resamples * videos).reshape(resamples, videos)


def _doubled_wins(
    ranked: Sequence[FrameScores],
) -> tuple[Int64[np.ndarray, "videos videos"], Int64[np.ndarray, "videos videos"]]:
    """Twice the wins of the anomalous frames of one video over the normal frames of another (a tie counts half), and
    twice the number of such pairs. The AUC of any draw is a weighted sum of the one over that of the other.
    """
    video = np.repeat(np.arange(len(ranked)), [len(scores.raw) for scores in ranked])
    anomalous = np.concatenate([np.asarray(scores.label) == 1 for scores in ranked])
    values, position = np.unique(np.concatenate([scores.smoothed for scores in ranked]), return_inverse=True)
    wins = np.zeros((len(ranked), len(ranked)), dtype=np.int64)
    for other in range(len(ranked)):
        normals = np.bincount(position[~anomalous & (video == other)], minlength=len(values))
        doubled = 2 * np.cumsum(normals) - normals
        np.add.at(wins[:, other], video[anomalous], doubled[position[anomalous]])
    anomalies = np.bincount(video[anomalous], minlength=len(ranked))
    normals = np.bincount(video[~anomalous], minlength=len(ranked))
    return wins, 2 * np.outer(anomalies, normals)


def _quotients(above: np.ndarray, below: np.ndarray) -> Float64[np.ndarray, " draws"]:
    """Quotients of the draws that have one."""
    defined = below > 0
    return np.asarray(above[defined] / below[defined])


def _interval(values: np.ndarray) -> list[float] | None:
    if not len(values):
        return None
    tail = (1 - LEVEL) / 2
    return [float(bound) for bound in np.quantile(values, [tail, 1 - tail])]
