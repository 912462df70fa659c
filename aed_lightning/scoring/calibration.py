"""A threshold without test labels: what the smoothed score does on normal video that the training has not seen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import DataError, UsageError

_QUANTILES = np.concatenate([np.linspace(0.5, 0.99, 50), np.linspace(0.991, 1.0, 10)])
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Calibration:
    """Levels of the smoothed score of one kind of smoothing on normal video, ascending.

    frames, videos: how much video there was. hours: its length, or none where a frame rate is unknown.
    quantiles, levels: of the smoothed scores, from the median to the highest.
    alarms: maximal runs of frames at or above each level.
    """

    frames: int
    videos: int
    hours: float | None
    quantiles: tuple[float, ...]
    levels: tuple[float, ...]
    alarms: tuple[int, ...]

    @staticmethod
    def of(smoothed: Sequence[Float[np.ndarray, " frames"]], fps: Sequence[float | None]) -> "Calibration":
        """Calibrate on one array a video, with its frames a second. Raises DataError without a frame."""
        pooled = np.concatenate([np.zeros(0), *smoothed])
        if not len(pooled):
            raise DataError("no normal video to calibrate a threshold on: hold out training videos (data.holdout)")
        levels = np.quantile(pooled, _QUANTILES)
        known = all(fps)
        return Calibration(
            frames=len(pooled),
            videos=len(smoothed),
            hours=sum(len(scores) / rate for scores, rate in zip(smoothed, fps, strict=True) if rate) / SECONDS_PER_HOUR
            if known
            else None,
            quantiles=tuple(_QUANTILES.tolist()),
            levels=tuple(levels.tolist()),
            alarms=tuple(sum(_runs(scores >= level) for scores in smoothed) for level in levels),
        )

    @property
    def median(self) -> float:
        """The usual level of normal video."""
        return self.levels[0]

    def at_quantile(self, quantile: float) -> float:
        """The level that this share of the normal frames stays below or at. Raises UsageError."""
        if not 0.5 <= quantile <= 1:
            raise UsageError(f"quantile {quantile}: give 0.5 to 1, the share of normal frames that stay below")
        return float(np.interp(quantile, self.quantiles, self.levels))

    def at_alarms_per_hour(self, rate: float) -> float:
        """The lowest level with no more false alarms an hour than `rate`; 0 is just above all normal scores.

        Video of a few minutes knows no small rates: below one alarm in all of it the answer is that of 0.
        Raises UsageError, DataError where the length of the video is unknown.
        """
        if not rate >= 0:
            raise UsageError(f"false alarms an hour {rate}: give 0 or more")
        if self.hours is None:
            if rate > 0:
                raise DataError("the calibration's videos have no frame rate, so no hours: give a quantile instead")
            allowed = 0.0
        else:
            allowed = rate * self.hours
        high_enough = np.flatnonzero(np.array(self.alarms) > allowed)
        if not len(high_enough):
            return self.levels[0]
        highest_refused = int(high_enough[-1])
        if highest_refused + 1 < len(self.levels):
            return self.levels[highest_refused + 1]
        return float(np.nextafter(self.levels[-1], np.inf))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> "Calibration":
        """The inverse of `to_json`; raises KeyError or TypeError for something else."""
        return Calibration(
            found["frames"], found["videos"], found["hours"],
            tuple(found["quantiles"]), tuple(found["levels"]), tuple(found["alarms"]),
        )  # fmt: skip


def release_below(threshold: float, calibration: Calibration | None, hysteresis: float) -> float:
    """Where an event ends: below its threshold by a share of the height above the usual level, or of its size.

    Raises UsageError.
    """
    if not 0 <= hysteresis <= 1:
        raise UsageError(f"hysteresis {hysteresis}: give 0 to 1")
    height = abs(threshold) if calibration is None else max(0.0, threshold - calibration.median)
    return threshold - hysteresis * height


def _runs(above: np.ndarray) -> int:
    """Maximal stretches of true."""
    return int(np.count_nonzero(np.diff(above.astype(np.int8), prepend=0) == 1))
