import json

import numpy as np
import pytest

from aed_lightning.core import DataError, UsageError
from aed_lightning.scoring.calibration import Calibration


def normal(videos=4, frames=300, seed=0):
    return [np.random.default_rng([seed, video]).normal(size=frames) for video in range(videos)]


def alarms(videos, level):
    """Maximal runs at or above, counted plainly."""
    count = 0
    for scores in videos:
        inside = False
        for score in scores.tolist():
            count += score >= level and not inside
            inside = score >= level
    return count


def test_quantiles_are_those_of_all_frames_of_all_videos():
    calibration = Calibration.of(normal(), [25.0] * 4)
    pooled = np.concatenate(normal())
    for quantile in (0.5, 0.9, 0.99, 0.995, 1.0):
        assert calibration.at_quantile(quantile) == pytest.approx(np.quantile(pooled, quantile))
    assert calibration.median == pytest.approx(np.median(pooled))
    assert (calibration.frames, calibration.videos) == (1200, 4)
    assert calibration.hours == pytest.approx(1200 / 25 / 3600)


def test_no_more_false_alarms_an_hour_than_asked_for_and_none_is_wasted():
    videos = normal()
    calibration = Calibration.of(videos, [25.0] * 4)
    hours = calibration.hours
    for rate in (0.0, 10.0, 500.0, 2000.0, 5000.0):
        level = calibration.at_alarms_per_hour(rate)
        assert alarms(videos, level) <= rate * hours
        lower = [other for other in calibration.levels if other < level]
        assert not lower or alarms(videos, lower[-1]) > rate * hours


def test_zero_alarms_is_above_every_normal_score_and_many_are_the_median():
    videos = normal()
    calibration = Calibration.of(videos, [25.0] * 4)
    highest = max(scores.max() for scores in videos)
    assert highest < calibration.at_alarms_per_hour(0.0) < highest + 1e-9
    assert calibration.at_alarms_per_hour(1e9) == calibration.median


def test_alarms_that_grow_again_at_a_lower_level_are_not_mistaken_for_few():
    """A long high plateau is one alarm, a level that cuts hills on it is many."""
    scores = np.concatenate([np.zeros(500), 1 + 0.5 * (np.arange(499) % 2), np.zeros(1)])
    calibration = Calibration.of([scores], [1.0])
    level = calibration.at_alarms_per_hour(2 / calibration.hours)
    assert alarms([scores], level) <= 2
    assert all(alarms([scores], higher) <= 2 for higher in calibration.levels if higher >= level)


def test_without_a_frame_rate_quantiles_remain_and_a_rate_is_refused():
    calibration = Calibration.of(normal(2), [25.0, None])
    assert calibration.hours is None
    assert calibration.at_alarms_per_hour(0.0) > calibration.levels[-1]
    with pytest.raises(DataError, match="no frame rate"):
        calibration.at_alarms_per_hour(1.0)


def test_a_calibration_survives_json():
    calibration = Calibration.of(normal(), [25.0] * 4)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_what_cannot_be_calibrated_or_asked_is_refused():
    with pytest.raises(DataError, match=r"data\.holdout"):
        Calibration.of([], [])
    calibration = Calibration.of(normal(), [25.0] * 4)
    for quantile in (0.4, 1.1, float("nan")):
        with pytest.raises(UsageError, match="quantile"):
            calibration.at_quantile(quantile)
    for rate in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="false alarms"):
            calibration.at_alarms_per_hour(rate)
