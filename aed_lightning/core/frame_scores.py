"""The scores of one video, as every metric, file and picture receives them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameScores:
    """One video's frame scores; higher means more anomalous.

    A carrier only: it neither checks nor sorts, because `metrics.evaluate` must be able to receive what it refuses.

    video: name, unique in its split.
    frame_index: (T,) int64, 0-based.
    raw: (T,) float64, before temporal smoothing.
    smoothed: (T,) float64, or none.
    label: (T,) 0 normal, 1 anomalous, any dtype, or none.
    kinds: (T,) the name of the anomaly in each frame, "" where there is none, or none.
    """

    video: str
    frame_index: np.ndarray
    raw: np.ndarray
    smoothed: np.ndarray | None = None
    label: np.ndarray | None = None
    kinds: Sequence[str] | None = None
