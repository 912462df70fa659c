"""Filters over time while the values come in: the numbers of the whole video, as early as they can be known."""

from collections.abc import Callable, Sequence

import numpy as np

from .rules import Rule
from .temporal import check_sigma, kernel_radius, smooth, smooth_causal


class StreamFilter:
    """Applies a filter over time to one video, some frames at a time. Runs of frames are filtered apart.

    apply: from the values of a whole run to one number a frame. before, after: how many neighbors on either side a
    number depends on, at most; beyond the ends of a run `apply` knows what to do. stride: distance of neighboring
    frames. Memory is bounded by the neighbors.
    """

    def __init__(self, apply: Callable[[np.ndarray], np.ndarray], before: int, after: int, stride: int = 1) -> None:
        self._apply, self._before, self.delay, self._stride = apply, before, after, stride
        self._last: int | None = None
        self._begin()

    def extend(self, frames: Sequence[int], values: np.ndarray) -> list[tuple[int, float]]:
        """Take the values of the next frames; the frames whose numbers are known now, with them, in order.

        Frame indices ascend.
        """
        done = []
        for frame, value in zip(frames, values, strict=True):
            if self._last is not None and frame <= self._last:
                raise ValueError(f"frame {frame} after frame {self._last}: indices must ascend")
            if self._kept and frame != self._kept[-1][0] + self._stride:
                done += self.flush()
            self._last = frame
            self._kept.append((frame, value))
        done += self._numbers(max(self._known, len(self._kept) - self.delay))
        # What no later number needs is forgotten; while the start of the run still counts, nothing is.
        surplus = max(0, min(self._known - self._before, len(self._kept) - 1))
        del self._kept[:surplus]
        self._known -= surplus
        return done

    def flush(self) -> list[tuple[int, float]]:
        """End the run: the numbers that waited for frames after them. The next frame begins another run."""
        done = self._numbers(len(self._kept))
        self._begin()
        return done

    def _begin(self) -> None:
        self._kept: list[tuple[int, np.ndarray]] = []
        self._known = 0
        """How many of the kept frames have their numbers."""

    def _numbers(self, end: int) -> list[tuple[int, float]]:
        """Those of the kept frames up to `end` that are new."""
        if end == self._known:
            return []
        numbers = self._apply(np.stack([value for _, value in self._kept]))
        known, self._known = self._known, end
        return [(self._kept[place][0], float(numbers[place])) for place in range(known, end)]


def stream_smoother(sigma_frames: float, *, causal: bool, stride: int = 1) -> StreamFilter:
    """`smooth_causal`, each value with its frame, or `smooth`, each value when its window is full.

    Raises UsageError `bad_sigma` or `bad_stride`. Source: docs/evaluation.md.
    """
    check_sigma(sigma_frames, stride)
    radius = kernel_radius(sigma_frames / stride)
    function = smooth_causal if causal else smooth

    def apply(raw: np.ndarray) -> np.ndarray:
        return function(raw, np.arange(len(raw)), sigma_frames / stride)

    return StreamFilter(apply, radius, 0 if causal else radius, stride)


def stream_scores(rule: Rule, stride: int = 1) -> StreamFilter:
    """`Rule.video_scores` on the values of the frames as they come."""
    return StreamFilter(rule.video_scores, rule.reach, rule.reach, stride)
