"""What the standard protocol refuses, each check over all videos, in this order (docs/evaluation.md 2.2)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from aed_lightning.core import DataError, FrameScores


def refuse_missing_labels(videos: Sequence[FrameScores]) -> None:
    """DataError `no_labels`."""
    for scores in videos:
        if scores.label is None:
            raise DataError(
                f"video {scores.video!r} has no labels; give a 0 or 1 for each frame, or leave the video out",
                name="no_labels",
            )


def refuse_malformed(videos: Sequence[FrameScores]) -> None:
    """DataError `no_videos`, `duplicate_video`, `empty_video`, `length_mismatch` or `duplicate_frame_index`."""
    if not videos:
        raise DataError("there are 0 videos to evaluate; give at least one", name="no_videos")
    name, copies = Counter(scores.video for scores in videos).most_common(1)[0]
    if copies > 1:
        raise DataError(
            f"video {name!r} is given {copies} times; give each video once, under its own name", name="duplicate_video"
        )
    for scores in videos:
        if np.size(scores.raw) == 0:
            raise DataError(f"video {scores.video!r} has 0 frames; leave it out", name="empty_video")
    for scores in videos:
        _refuse_different_lengths(scores)
    for scores in videos:
        index, count = np.unique(scores.frame_index, return_counts=True)
        if np.any(count > 1):
            raise DataError(
                f"video {scores.video!r}: frame index {index[count > 1][0]} occurs {count.max()} times; "
                "give each frame once",
                name="duplicate_frame_index",
            )


def refuse_unordered_scores(videos: Sequence[FrameScores]) -> None:
    """DataError `nan_score` or `inf_score`: what has no place in a ranking."""
    for name, is_bad in (("nan_score", np.isnan), ("inf_score", np.isinf)):
        for scores in videos:
            bad = np.flatnonzero(is_bad(np.asarray(scores.raw, dtype=np.float64)))
            if len(bad):
                frame, value = np.asarray(scores.frame_index)[bad[0]], np.asarray(scores.raw)[bad[0]]
                raise DataError(
                    f"video {scores.video!r}: the score of frame {frame} is {value}, as of {len(bad)} frames in all; "
                    "mend what computes the scores",
                    name=name,
                )


def refuse_other_labels(videos: Sequence[FrameScores]) -> None:
    """DataError `non_binary_label`."""
    for scores in videos:
        labels = np.asarray(scores.label)
        bad = np.flatnonzero(~np.isin(labels, (0, 1)))
        if len(bad):
            frame = np.asarray(scores.frame_index)[bad[0]]
            raise DataError(
                f"video {scores.video!r}: the label of frame {frame} is {labels[bad[0]]}; "
                "give 0 for normal and 1 for anomalous",
                name="non_binary_label",
            )


def refuse_misplaced_kinds(videos: Sequence[FrameScores]) -> None:
    """DataError `kind_of_normal_frame`: an anomaly is named where the label says that there is none."""
    for scores in videos:
        kinds = list(scores.kinds or ())
        if not kinds:
            continue
        bad = np.flatnonzero([kind != "" for kind in kinds] & (np.asarray(scores.label) == 0))
        if len(bad):
            frame = np.asarray(scores.frame_index)[bad[0]]
            raise DataError(
                f"video {scores.video!r}: frame {frame} has label 0 and the kind {kinds[bad[0]]!r}; "
                "give normal frames the kind ''",
                name="kind_of_normal_frame",
            )


def refuse_constant_scores(videos: Sequence[FrameScores]) -> None:
    """DataError `constant_scores`: min-max of smoothed scores that are all the same divides by zero."""
    for scores in videos:
        if scores.smoothed is not None and scores.smoothed.max() == scores.smoothed.min():
            raise DataError(
                f"video {scores.video!r}: all smoothed scores are {scores.smoothed[0]}, so per-video min-max would "
                "divide by 0; evaluate without per_video_minmax",
                name="constant_scores",
            )


def refuse_single_class(videos: Sequence[FrameScores]) -> None:
    """DataError `single_class`, over the labels of all videos."""
    labels = np.concatenate([np.asarray(scores.label) for scores in videos])
    if np.all(labels == labels[0]):
        raise DataError(
            f"all {len(labels)} frames have label {int(labels[0])}, so there is no ROC; give videos with both classes",
            name="single_class",
        )


def _refuse_different_lengths(scores: FrameScores) -> None:
    shapes = {"scores": np.shape(scores.raw), "frame indices": np.shape(scores.frame_index)}
    if scores.label is not None:
        shapes["labels"] = np.shape(scores.label)
    if scores.kinds is not None:
        shapes["kinds"] = (len(scores.kinds),)
    if len(set(shapes.values())) > 1 or len(shapes["scores"]) != 1:
        found = ", ".join(f"{' x '.join(map(str, shape)) or 'one'} {what}" for what, shape in shapes.items())
        raise DataError(
            f"video {scores.video!r} has {found}; give one of each for each frame of this video", name="length_mismatch"
        )
