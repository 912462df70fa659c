"""Smoothing while the scores come in: the numbers of `temporal`, as early as they can be known."""

import numpy as np

from .temporal import check_sigma, kernel_radius, smooth, smooth_causal


class StreamSmoother:
    """Smooths the scores of one video, frame by frame; runs of frames are smoothed apart, as in `temporal`.

    sigma_frames, stride: as for `smooth`. causal: each frame's value comes with the frame; else it comes when the
    centered Gaussian is full, `delay` scored frames later, or at the end of the run. Memory is bounded by the Gaussian.
    Raises UsageError `bad_sigma` or `bad_stride`. Source: docs/evaluation.md.
    """

    def __init__(self, sigma_frames: float, *, causal: bool, stride: int = 1) -> None:
        check_sigma(sigma_frames, stride)
        self._sigma, self._stride = sigma_frames, stride
        self._smooth = smooth_causal if causal else smooth
        self._radius = kernel_radius(float(sigma_frames) / stride)
        self.delay = 0 if causal else self._radius
        self._last: int | None = None
        self._begin()

    def push(self, frame_index: int, raw: float) -> list[tuple[int, float]]:
        """Take the next score; the frames whose values are known now, with them, in order. Indices ascend."""
        done = []
        if self._last is not None:
            if frame_index <= self._last:
                raise ValueError(f"frame {frame_index} after frame {self._last}: indices must ascend")
            if frame_index != self._last + self._stride:
                done = self.flush()
        self._last = frame_index
        self._raw.append(float(raw))
        if len(self._raw) > self._known + self.delay:
            done += self._values(self._known + 1)
            # What no later value needs is forgotten; while the start of the run still counts, nothing is.
            surplus = max(0, self._known - self._radius)
            del self._raw[:surplus]
            self._known -= surplus
        return done

    def flush(self) -> list[tuple[int, float]]:
        """End the run: the values that waited for frames after them. The next score begins another run."""
        done = self._values(len(self._raw))
        self._begin()
        return done

    def _begin(self) -> None:
        self._raw: list[float] = []
        self._known = 0
        """How many of the kept scores have been smoothed."""

    def _values(self, end: int) -> list[tuple[int, float]]:
        """The values of the kept scores up to `end` that are new."""
        if end == self._known:
            return []
        assert self._last is not None
        newest = len(self._raw) - 1
        smoothed = self._smooth(np.array(self._raw), np.arange(len(self._raw)), self._sigma / self._stride)
        known, self._known = self._known, end
        return [(self._last - (newest - place) * self._stride, float(smoothed[place])) for place in range(known, end)]
