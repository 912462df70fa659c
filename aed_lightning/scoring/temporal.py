"""Temporal smoothing of the frame scores of one video, in float64 (docs/evaluation.md).

Frames come sorted by their index: the caller sorts, these functions refuse what does not ascend. A run is a stretch of
frames whose indices differ by `stride`; each run is smoothed on its own, so that nothing crosses a gap.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64, Int

from aed_lightning.core import UsageError

TRUNCATE = 4.0
"""Where the Gaussian ends, in sigmas."""


def smooth(
    raw: Float[np.ndarray, " frames"],
    frame_index: Int[np.ndarray, " frames"],
    sigma_frames: float | int,
    stride: int = 1,
) -> Float64[np.ndarray, " frames"]:
    """Centered Gaussian; a run is continued beyond its ends by reflection about the half sample.

    A constant stays constant and the mean of a run is kept. sigma_frames: 0 leaves the scores as they are.
    stride: the distance of neighboring scored frames; sigma counts frames of the video, so it is divided by it.
    Raises UsageError `bad_sigma` or `bad_stride`. Source: evaluation 2.1.
    """
    return _smooth_runs(_reflected, raw, frame_index, sigma_frames, stride)


def smooth_causal(
    raw: Float[np.ndarray, " frames"],
    frame_index: Int[np.ndarray, " frames"],
    sigma_frames: float | int,
    stride: int = 1,
) -> Float64[np.ndarray, " frames"]:
    """The past half of the Gaussian, divided by the weights that have a frame: no padding and no look-ahead.

    The first score of a run stays as it is. Arguments and errors as for `smooth`. Source: evaluation 4.
    """
    return _smooth_runs(_past_only, raw, frame_index, sigma_frames, stride)


def check_sigma(sigma_frames: Any, stride: Any = 1) -> None:
    """Refuse what no Gaussian can have: UsageError `bad_sigma`, `bad_stride`."""
    is_number = isinstance(sigma_frames, int | float | np.integer | np.floating) and not isinstance(sigma_frames, bool)
    if not is_number or not math.isfinite(sigma_frames) or sigma_frames < 0:
        raise UsageError(
            f"smoothing sigma {sigma_frames!r}: give a number of frames, 0 (no smoothing) or more", name="bad_sigma"
        )
    if not isinstance(stride, int | np.integer) or isinstance(stride, bool) or stride < 1:
        raise UsageError(
            f"stride {stride!r}: give the distance of neighboring scored frames, 1 or more", name="bad_stride"
        )


def kernel_radius(sigma: float | int) -> int:
    """Samples on one side of a Gaussian's center."""
    return int(TRUNCATE * sigma + 0.5)


def _smooth_runs(
    smooth_run: Callable[[np.ndarray, float], np.ndarray],
    raw: np.ndarray,
    frame_index: np.ndarray,
    sigma_frames: float | int,
    stride: int,
) -> np.ndarray:
    check_sigma(sigma_frames, stride)
    step = np.diff(frame_index)
    if np.any(step <= 0):
        raise ValueError("frame indices must ascend; sort the frames of the video first")
    sigma = float(sigma_frames) / stride
    scores = np.array(raw, dtype=np.float64)
    if kernel_radius(sigma) == 0 or len(scores) == 0:
        return scores
    runs = np.split(scores, np.flatnonzero(step != stride) + 1)
    return np.concatenate([smooth_run(run, sigma) for run in runs])


def _reflected(run: np.ndarray, sigma: float) -> np.ndarray:
    return scipy.ndimage.gaussian_filter1d(run, sigma, mode="reflect", truncate=TRUNCATE)


def _past_only(run: np.ndarray, sigma: float) -> np.ndarray:
    past = np.arange(min(kernel_radius(sigma), len(run) - 1) + 1)
    weights = np.exp(-0.5 * (past / sigma) ** 2)
    # Differences to the newest score are averaged, not the scores: so a constant stays exactly constant, and equal
    # windows give equal scores wherever they lie.
    difference = np.zeros_like(run)
    for age in past[1:]:
        difference[age:] += weights[age] * (run[:-age] - run[age:])
    available = np.cumsum(weights)[np.minimum(np.arange(len(run)), past[-1])]
    return run + difference / available
