"""The protocol of the released code, kept with its defects; only for the comparison with the paper's tables.

Described with a number for each defect in docs/evaluation.md 2.3 to 3. Errors are of the types that the released code
raises (IndexError, ValueError), not ours, since programs compare them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped

from aed_lightning.core import FrameScores, UsageError

from .ranking import area_under_roc, has_both_classes
from .refusals import refuse_missing_labels

VARIANTS = ("inference", "engine")


def official(
    videos: Sequence[FrameScores],
    *,
    range: int = 38,
    mu: float | int = 11,
    per_video_minmax: bool = False,
    variant: str = "inference",
) -> dict[str, Any]:
    """Frames as fed, joined over all videos and told apart by name alone; see `evaluate` for the keys.

    range: one more than the taps of the filter. mu: its standard deviation in frames, whatever the name says.
    variant: "inference" filters, brings each video to [0, 1] if asked and replaces NaN and infinity last; "engine"
    replaces them first and then filters. Scores keep their dtype up to the filter.
    """
    _check(mu, per_video_minmax, variant)
    refuse_missing_labels(videos)
    if not videos:
        raise ValueError("there are 0 videos to evaluate; give at least one")
    scores = np.concatenate([np.asarray(video.raw) for video in videos])
    labels = np.concatenate([np.asarray(video.label) for video in videos])
    names = np.concatenate([np.full(len(video.raw), video.video) for video in videos])

    filtered, anomalous = {}, {}
    for name in np.unique(names):
        of_video = names == name
        filtered[str(name)] = _filter_video(scores[of_video], range, mu, per_video_minmax, variant)
        anomalous[str(name)] = _binary(labels[of_video], str(name))
        _refuse_unequal(filtered[str(name)], anomalous[str(name)], str(name), range)

    per_video = {name: _padded_auc(filtered[name], anomalous[name]) for name in filtered}
    pooled, pooled_labels = np.concatenate(list(filtered.values())), np.concatenate(list(anomalous.values()))
    return {
        "micro_auc": area_under_roc(pooled, pooled_labels) if has_both_classes(pooled_labels) else 1.0,
        "macro_auc_padded": float(np.mean(list(per_video.values()))),
        "per_video_auc_padded": per_video,
        "range": range,
        "mu": mu,
        "per_video_minmax": per_video_minmax,
        "variant": variant,
    }


def zero_padded_filter(
    scores: Shaped[np.ndarray, " frames"], range: int, mu: float | int
) -> Float64[np.ndarray, " filtered"]:
    """The released filter: zeros beyond the ends, weights that do not sum to 1, the peak one frame late.

    Odd `range` gives one score more than frames, as released; `range` below 2 is an IndexError.
    """
    taps = range - 1
    if taps < 1:
        raise IndexError(f"filter range {range} has no taps; give an even number, 2 or more")
    support = np.arange(1, range)
    distance = support - support[taps // 2 - 1]
    weights = np.exp(-0.5 * (distance / mu) ** 2) / (mu * np.sqrt(2 * np.pi))
    zeros = np.zeros(taps // 2)
    # NaN and infinity pass through here by design.
    with np.errstate(invalid="ignore", over="ignore"):
        return np.correlate(np.concatenate([zeros, scores, zeros]), weights, "valid")


def _filter_video(
    scores: np.ndarray, range: int, mu: float | int, per_video_minmax: bool, variant: str
) -> Float64[np.ndarray, " filtered"]:
    if variant == "engine":
        return zero_padded_filter(np.nan_to_num(scores), range, mu)
    filtered = zero_padded_filter(scores, range, mu)
    if per_video_minmax:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            filtered = (filtered - filtered.min()) / (filtered.max() - filtered.min())
    return np.nan_to_num(filtered)


def _padded_auc(filtered: np.ndarray, anomalous: np.ndarray) -> float:
    """AUC with an invented normal frame of score 0 and an invented anomalous frame of score 1."""
    return area_under_roc(
        np.concatenate([[0.0], filtered, [1.0]]),
        np.concatenate([[False], anomalous, [True]]),
    )


def _binary(labels: np.ndarray, name: str) -> np.ndarray:
    bad = labels[~np.isin(labels, (0, 1))]
    if len(bad):
        raise ValueError(f"video {name!r} has the label {bad[0]}; give 0 for normal and 1 for anomalous")
    return labels == 1


def _refuse_unequal(filtered: np.ndarray, anomalous: np.ndarray, name: str, range: int) -> None:
    if len(filtered) != len(anomalous):
        raise ValueError(
            f"video {name!r}: filter range {range} makes {len(filtered)} scores of {len(anomalous)} frames; "
            "give an even range"
        )
    if not np.isfinite(filtered).all():
        raise ValueError(f"video {name!r}: the filtered scores overflow; give smaller scores")


def _check(mu: float | int, per_video_minmax: bool, variant: str) -> None:
    if variant not in VARIANTS:
        raise UsageError(f"official variant {variant!r}: give one of {', '.join(VARIANTS)}")
    if variant == "engine" and per_video_minmax:
        raise UsageError("official variant 'engine' with per_video_minmax true: only 'inference' has a min-max")
    if not np.isfinite(mu) or mu <= 0:
        raise UsageError(f"official mu {mu!r}: give a standard deviation in frames above 0")
