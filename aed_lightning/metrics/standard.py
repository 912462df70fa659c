"""The standard protocol: every defect of the scores is refused, no frame is invented (docs/evaluation.md 2)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aed_lightning.core import FrameScores
from aed_lightning.scoring.temporal import check_sigma, smooth, smooth_causal

from . import refusals
from .ranking import area_under_roc, average_precision, equal_error_rate, has_both_classes


def smoothed_scores(
    videos: Sequence[FrameScores], sigma_frames: float | int, *, stride: int = 1, causal: bool = False
) -> list[FrameScores]:
    """The same videos in the order given, each sorted by frame index, with `smoothed` filled; labels may be missing.

    sigma_frames, stride: as in `scoring.temporal.smooth`. causal: smooth with the past only, as a live camera must.
    Raises UsageError `bad_sigma`, and DataError for scores that are malformed, NaN or infinite.
    """
    check_sigma(sigma_frames, stride)
    refusals.refuse_malformed(videos)
    refusals.refuse_unordered_scores(videos)
    filtered = smooth_causal if causal else smooth
    ascending = [_sorted_by_frame(scores) for scores in videos]
    return [
        replace(scores, smoothed=filtered(scores.raw, scores.frame_index, sigma_frames, stride)) for scores in ascending
    ]


def ranked_scores(
    videos: Sequence[FrameScores],
    *,
    sigma_frames: float | int = 0.0,
    per_video_minmax: bool = False,
    stride: int = 1,
    causal: bool = False,
) -> list[FrameScores]:
    """What every figure of this protocol is computed from: the videos by name, `smoothed` ready to be ranked.

    per_video_minmax: bring the smoothed scores of each video to [0, 1]; needs the whole video, future included.
    Other arguments as for `smoothed_scores`. Raises UsageError `bad_sigma` and the DataErrors of `refusals`, but for
    `single_class`.
    """
    check_sigma(sigma_frames, stride)
    refusals.refuse_missing_labels(videos)
    ranked = smoothed_scores(videos, sigma_frames, stride=stride, causal=causal)
    refusals.refuse_other_labels(ranked)
    refusals.refuse_misplaced_kinds(ranked)
    if per_video_minmax:
        refusals.refuse_constant_scores(ranked)
        ranked = [replace(scores, smoothed=_minmax(smoothed_of(scores))) for scores in ranked]
    return sorted(ranked, key=lambda scores: scores.video)


def standard(
    videos: Sequence[FrameScores],
    *,
    sigma_frames: float | int = 0.0,
    per_video_minmax: bool = False,
    stride: int = 1,
    causal: bool = False,
) -> dict[str, Any]:
    """Figures of the frame scores; see `evaluate` for the keys, `ranked_scores` for the arguments and errors.

    Raises DataError `single_class` too.
    """
    ranked = ranked_scores(
        videos, sigma_frames=sigma_frames, per_video_minmax=per_video_minmax, stride=stride, causal=causal
    )
    refusals.refuse_single_class(ranked)
    smoothed = [smoothed_of(scores) for scores in ranked]
    labels = [np.asarray(scores.label) == 1 for scores in ranked]
    pooled, pooled_labels = np.concatenate(smoothed), np.concatenate(labels)

    per_video = {
        scores.video: area_under_roc(values, anomalous)
        for scores, values, anomalous in zip(ranked, smoothed, labels, strict=True)
        if has_both_classes(anomalous)
    }
    figures: dict[str, Any] = {
        "micro_auc": area_under_roc(pooled, pooled_labels),
        "macro_auc": float(np.mean(list(per_video.values()))) if per_video else None,
        "skipped_videos": [scores.video for scores in ranked if scores.video not in per_video],
        "per_video_auc": per_video,
        "average_precision": average_precision(pooled, pooled_labels),
        "eer": equal_error_rate(pooled, pooled_labels),
        "smoothing": {"sigma": float(sigma_frames)},
        "per_video_minmax": per_video_minmax,
        "stride": int(stride),
        "causal": causal,
    }
    if any(scores.kinds is not None for scores in ranked):
        kinds = np.concatenate([_kinds(scores) for scores in ranked])
        figures["per_kind"] = _per_kind(pooled, pooled_labels, kinds)
    return figures


def _per_kind(smoothed: np.ndarray, anomalous: np.ndarray, kinds: np.ndarray) -> dict[str, dict[str, float | int]]:
    """Each kind's frames against all normal frames; frames of other kinds only are left out."""
    result: dict[str, dict[str, float | int]] = {}
    for kind in sorted(set(kinds) - {""}):
        of_kind = kinds == kind
        kept = of_kind | ~anomalous
        result[str(kind)] = {"auc": area_under_roc(smoothed[kept], of_kind[kept]), "frames": int(of_kind.sum())}
    return result


def _kinds(scores: FrameScores) -> np.ndarray:
    return np.array([""] * len(scores.raw) if scores.kinds is None else list(scores.kinds), dtype=np.str_)


def _sorted_by_frame(scores: FrameScores) -> FrameScores:
    order = np.argsort(scores.frame_index, kind="stable")
    return replace(
        scores,
        frame_index=np.asarray(scores.frame_index)[order],
        raw=np.asarray(scores.raw, dtype=np.float64)[order],
        label=None if scores.label is None else np.asarray(scores.label)[order],
        kinds=None if scores.kinds is None else [scores.kinds[position] for position in order],
    )


def smoothed_of(scores: FrameScores) -> np.ndarray:
    """The smoothed scores of a video that has them."""
    assert scores.smoothed is not None
    return scores.smoothed


def _minmax(smoothed: np.ndarray) -> np.ndarray:
    return (smoothed - smoothed.min()) / (smoothed.max() - smoothed.min())
