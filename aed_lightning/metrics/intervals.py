"""How sure AUCs are: bootstrap over videos, since the frames of a video are not independent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from aed_lightning.core import DataError, FrameScores

from .refusals import refuse_single_class
from .standard import ranked_scores, smoothed_of

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
    micro, macro = _aucs_of_draws(ranked, _times_drawn(len(ranked), resamples, seed))
    return {
        "micro_auc": _interval(micro),
        "macro_auc": _interval(macro),
        "micro_draws": int(np.isfinite(micro).sum()),
        "macro_draws": int(np.isfinite(macro).sum()),
        **_told(len(ranked), resamples, seed),
    }


def paired_differences(
    first: Sequence[FrameScores], second: Sequence[FrameScores], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """How much higher the AUCs of `second` are than those of `first`, with 95 % intervals, ready for JSON.

    Two scores of the same frames, ranked by `smoothed`. Each draw takes the same videos for both, so that what makes a
    video hard for both does not count. Gives micro_auc and macro_auc as {difference, interval, draws}, the first two
    none where they are not defined, and level, resamples, seed and note as `bootstrap_intervals`.
    Raises DataError `not_smoothed` where `smoothed` is none, `other_frames` where videos, frames or labels are not the
    same, and those of the protocol.
    """
    for scores in (*first, *second):
        if scores.smoothed is None:
            raise DataError(f"video {scores.video!r} is not smoothed; use `smoothed_scores` first", name="not_smoothed")
    ranked = [
        ranked_scores([replace(scores, raw=smoothed_of(scores)) for scores in given]) for given in (first, second)
    ]
    _refuse_other_frames(*ranked)
    videos = len(ranked[0])
    once_each = np.ones((1, videos), dtype=np.int64)
    times = np.concatenate([once_each, _times_drawn(videos, resamples, seed)])
    of_first, of_second = (_aucs_of_draws(scores, times) for scores in ranked)
    differences = {"micro_auc": of_second[0] - of_first[0], "macro_auc": of_second[1] - of_first[1]}
    return {
        name: {
            "difference": _number(values[0]),
            "interval": _interval(values[1:]),
            "draws": int(np.isfinite(values[1:]).sum()),
        }
        for name, values in differences.items()
    } | _told(videos, resamples, seed)


def _told(videos: int, resamples: int, seed: int) -> dict[str, Any]:
    return {
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "note": f"only {videos} videos: the intervals are too narrow" if videos < FEW_VIDEOS else None,
    }


def _refuse_other_frames(first: Sequence[FrameScores], second: Sequence[FrameScores]) -> None:
    names = [{scores.video for scores in given} for given in (first, second)]
    if names[0] != names[1]:
        alone = ", ".join(sorted(names[0] ^ names[1]))
        raise DataError(f"{alone}: scored on one side only; compare scores of the same videos", name="other_frames")
    for one, other in zip(first, second, strict=True):
        same = np.array_equal(one.frame_index, other.frame_index) and np.array_equal(one.label, other.label)  # type: ignore[arg-type]
        if not same:
            raise DataError(
                f"video {one.video!r} has other frames or labels on either side; compare scores of the same frames",
                name="other_frames",
            )


def _aucs_of_draws(
    ranked: Sequence[FrameScores], times: Int64[np.ndarray, "draws videos"]
) -> tuple[Float64[np.ndarray, " draws"], Float64[np.ndarray, " draws"]]:
    """Micro and macro AUC of each draw; NaN for a draw without both classes, or without a video of both."""
    refuse_single_class(ranked)
    wins, pairs = _doubled_wins(ranked)
    mixed = np.diag(pairs) > 0
    areas = np.diag(wins)[mixed] / np.diag(pairs)[mixed]
    with np.errstate(invalid="ignore"):
        micro = ((times @ wins) * times).sum(axis=1) / ((times @ pairs) * times).sum(axis=1)
        macro = times[:, mixed] @ areas / times[:, mixed].sum(axis=1)
    return micro, macro


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


def _interval(values: np.ndarray) -> list[float] | None:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return None
    tail = (1 - LEVEL) / 2
    return [float(bound) for bound in np.quantile(defined, [tail, 1 - tail])]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
