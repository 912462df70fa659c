"""Figures of a ranking, from the numbers of normal and anomalous frames at each distinct score; ties count half.

Every function wants both classes and finite scores: the protocols see to that before they call.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int64


def area_under_roc(scores: Float64[np.ndarray, " frames"], anomalous: Bool[np.ndarray, " frames"]) -> float:
    """Chance that an anomalous frame scores above a normal one, a tie counting half.

    Counted in integers, so it does not depend on the order of the frames.
    """
    normals, anomalies = _frames_at_each_score(scores, anomalous)
    normals_below = np.cumsum(normals) - normals
    doubled_wins = int(anomalies @ (2 * normals_below + normals))
    return doubled_wins / (2 * int(normals.sum()) * int(anomalies.sum()))


def average_precision(scores: Float64[np.ndarray, " frames"], anomalous: Bool[np.ndarray, " frames"]) -> float:
    """Precision at each threshold, weighted by the recall it adds; a sum of steps, no interpolation."""
    normals, anomalies = _frames_at_each_score(scores, anomalous)
    hits = np.cumsum(anomalies[::-1])
    alarms = hits + np.cumsum(normals[::-1])
    return float(anomalies[::-1] @ (hits / alarms) / hits[-1])


def roc_curve(
    scores: Float64[np.ndarray, " frames"], anomalous: Bool[np.ndarray, " frames"]
) -> tuple[Float64[np.ndarray, " vertices"], Float64[np.ndarray, " vertices"]]:
    """False and true positive rate at each threshold, from (0, 0) to (1, 1); a vertex for each distinct score."""
    normals, anomalies = _frames_at_each_score(scores, anomalous)
    false_positive_rate = np.concatenate([[0.0], np.cumsum(normals[::-1]) / normals.sum()])
    true_positive_rate = np.concatenate([[0.0], np.cumsum(anomalies[::-1]) / anomalies.sum()])
    return false_positive_rate, true_positive_rate


def equal_error_rate(scores: Float64[np.ndarray, " frames"], anomalous: Bool[np.ndarray, " frames"]) -> float:
    """False positive rate where it equals the miss rate, interpolated between two vertices of the full ROC."""
    false_positive_rate, true_positive_rate = roc_curve(scores, anomalous)
    excess = false_positive_rate - (1 - true_positive_rate)
    after = int(np.argmax(excess >= 0))
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    step = false_positive_rate[after] - false_positive_rate[before]
    return float(false_positive_rate[before] + share * step)


def has_both_classes(anomalous: Bool[np.ndarray, " frames"]) -> bool:
    """Whether the ranking has an area at all."""
    return bool(anomalous.any() and not anomalous.all())


def _frames_at_each_score(
    scores: np.ndarray, anomalous: np.ndarray
) -> tuple[Int64[np.ndarray, " values"], Int64[np.ndarray, " values"]]:
    """Normal and anomalous frames at each distinct score, lowest score first."""
    values, position = np.unique(scores, return_inverse=True)
    normals = np.bincount(position[~anomalous], minlength=len(values))
    anomalies = np.bincount(position[anomalous], minlength=len(values))
    return normals, anomalies
