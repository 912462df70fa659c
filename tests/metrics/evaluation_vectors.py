"""The cases of tests/vectors/evaluation_vectors.json as frame scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from aed_lightning.core import FrameScores

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "evaluation_vectors.json").read_text())
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}
AUC_TOLERANCE = VECTORS["tolerance"]["auc"]
SCORE_TOLERANCE = VECTORS["tolerance"]["scores_relative"]


def videos_of(case: dict[str, Any]) -> list[FrameScores]:
    return [
        FrameScores(
            video=video["name"],
            frame_index=np.array(video.get("frame_index", range(len(video["scores"]))), dtype=np.int64),
            raw=np.array([float(score) for score in video["scores"]], dtype=case["dtype"]),
            label=np.array(video["labels"]),
        )
        for video in case["videos"]
    ]


def standard_parameters(case: dict[str, Any]) -> dict[str, Any]:
    given = case["standard"]["parameters"]
    return {
        "sigma_frames": given["sigma_frames"],
        "per_video_minmax": given["normalize"] == "per_video_minmax",
    }


def official_parameters(case: dict[str, Any]) -> dict[str, Any]:
    given = case["official"]["parameters"]
    return {
        "range": given["range"],
        "mu": given["mu"],
        "per_video_minmax": given["normalize_scores"],
        "variant": given["variant"],
    }


def one_video(raw: Any, label: Any, name: str = "01", **fields: Any) -> FrameScores:
    scores = np.asarray(raw, dtype=np.float64)
    fields.setdefault("frame_index", np.arange(len(scores)))
    return FrameScores(video=name, raw=scores, label=np.asarray(label), **fields)
