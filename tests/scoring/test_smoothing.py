import numpy as np
import pytest

from aed_lightning.core import FrameScores, UsageError
from aed_lightning.metrics import evaluate
from aed_lightning.scoring.smoothing import Smoothing


def test_the_defaults_of_the_official_protocol_are_those_released_for_avenue():
    assert Smoothing().official() == {"range": 38, "mu": 11, "per_video_minmax": False, "variant": "inference"}


def test_its_parameters_are_what_evaluate_takes():
    scores = np.random.default_rng(0).random(100)
    videos = [FrameScores("v", np.arange(100), scores, label=(np.arange(100) > 60).astype(int))]
    smoothing = Smoothing(official_range=20, official_mu=5, official_per_video_minmax=True)
    assert 0 <= evaluate(videos, "official", **smoothing.official())["micro_auc"] <= 1


@pytest.mark.parametrize(
    ("argument", "value"), [("sigma", -1.0), ("sigma", float("nan")), ("official_range", 39), ("official_mu", 0)]
)
def test_smoothing_that_cannot_be_is_refused_at_once(argument, value):
    with pytest.raises(UsageError, match=str(value)):
        Smoothing(**{argument: value})
