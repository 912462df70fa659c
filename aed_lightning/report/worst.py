"""The frames that a score gets most wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..core import FrameScores

Mistake = Literal["false_alarms", "misses"]

APART_FRAMES = 25
"""Neighbors show the same scene: of frames closer than this in one video only the worst is taken."""


@dataclass(frozen=True)
class WorstFrame:
    """A normal frame with a high score, or an anomalous one with a low score.

    frame: index in the video, from 0. score: smoothed. passed: share of the frames of the other class that it is on
    the wrong side of (0 to 1), or none where there are none.
    """

    video: str
    frame: int
    score: float
    passed: float | None


def worst_frames(
    videos: Sequence[FrameScores], count: int = 10, apart: int = APART_FRAMES
) -> dict[Mistake, list[WorstFrame]]:
    """The `count` worst false alarms and misses, worst first; both lists are empty without labels.

    videos: with smoothed scores; those without labels and scores that are not finite are left out.
    """
    labeled = [video for video in videos if video.label is not None and video.smoothed is not None]
    if not labeled:
        return {"false_alarms": [], "misses": []}
    number = np.repeat(np.arange(len(labeled)), [len(video.frame_index) for video in labeled])
    frame = np.concatenate([video.frame_index for video in labeled])
    score = np.concatenate([np.asarray(video.smoothed, dtype=np.float64) for video in labeled])
    anomalous = np.concatenate([np.asarray(video.label) == 1 for video in labeled])
    found: dict[Mistake, list[WorstFrame]] = {}
    mistakes: list[tuple[Mistake, np.ndarray, int]] = [("false_alarms", ~anomalous, 1), ("misses", anomalous, -1)]
    for mistake, candidates, sign in mistakes:
        others = np.sort(sign * score[~candidates & np.isfinite(score)])
        places = np.flatnonzero(candidates & np.isfinite(score))
        order = places[np.argsort(-sign * score[places], kind="stable")]
        found[mistake] = [
            WorstFrame(
                labeled[number[place]].video,
                int(frame[place]),
                float(score[place]),
                float(np.searchsorted(others, sign * score[place]) / len(others)) if len(others) else None,
            )
            for place in _far_apart(order, number, frame, count, apart)
        ]
    return found


def _far_apart(order: np.ndarray, number: np.ndarray, frame: np.ndarray, count: int, apart: int) -> list[int]:
    """The first `count` places of `order` that are not close to one taken before."""
    taken: list[int] = []
    for place in order.tolist():
        if len(taken) == count:
            break
        if all(number[place] != number[other] or abs(frame[place] - frame[other]) >= apart for other in taken):
            taken.append(place)
    return taken
