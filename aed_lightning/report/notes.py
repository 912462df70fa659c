"""What a reader must know before believing the page of a run."""

import numpy as np

from ..core import FrameScores
from ..metrics.ranking import area_under_roc, has_both_classes
from .run_files import Run


def notes_on(run: Run) -> list[str]:
    """What is missing, damaged or suspicious, a sentence each."""
    notes = []
    metrics = run.metrics
    if metrics is None:
        notes.append("There is no metrics.json: this run was not evaluated, or is not finished.")
    else:
        micro = metrics["standard"].get("micro_auc")
        found = _pooled_area(run.videos)
        if found is not None and isinstance(micro, float) and abs(found - micro) > 1e-9:
            notes.append(
                f"The files of scores/ have a micro AUC of {found:.4f}, metrics.json says {micro:.4f}: they are not of "
                "the same evaluation."
            )
        better = {name: row.get("micro_auc") for name, row in metrics["trivial"].items()}
        for name, value in better.items():
            if isinstance(value, float) and isinstance(micro, float) and value >= micro:
                notes.append(f"The score {name}, which needs no model, is at least as good as the model.")
        if str(metrics.get("commit") or "").endswith("-dirty"):
            notes.append("The source tree had changes that are in no commit.")
    if not run.videos:
        notes.append("There are no files of scores: no curves of videos, no ROC, no worst frames.")
    elif all(video.label is None for video in run.videos):
        notes.append("The videos have no labels: no ROC and no worst frames.")
    bad = [video.video for video in run.videos if not _finite(video)]
    if bad:
        notes.append(f"Scores are NaN or infinite in {', '.join(bad)}: no ROC.")
    if not run.curves:
        notes.append("There are no learning curves: logs/ has no metrics.csv.")
    broken = [f"{curve.stage}: {curve.name}" for curve in run.curves if np.isnan(curve.value).any()]
    if broken:
        notes.append(f"Not a number at some steps: {', '.join(broken)}.")
    return notes


def _finite(video: FrameScores) -> bool:
    assert video.smoothed is not None
    return bool(np.isfinite(video.raw).all() and np.isfinite(video.smoothed).all())


def pooled(videos: list[FrameScores]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Raw scores, smoothed scores and true labels of all frames; none where there is no ROC."""
    if not videos or any(video.label is None or not _finite(video) for video in videos):
        return None
    raw, smoothed, label = (
        np.concatenate([np.asarray(getattr(video, name), dtype=np.float64) for video in videos])
        for name in ("raw", "smoothed", "label")
    )
    return (raw, smoothed, label == 1) if has_both_classes(label == 1) else None


def _pooled_area(videos: list[FrameScores]) -> float | None:
    found = pooled(videos)
    return None if found is None else area_under_roc(found[1], found[2])
