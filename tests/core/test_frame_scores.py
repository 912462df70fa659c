from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from aed_lightning.core import FrameScores


def test_only_name_index_and_raw_scores_are_needed():
    scores = FrameScores("Test001", np.arange(3), np.ones(3))
    assert scores.smoothed is scores.label is scores.kinds is None


def test_it_carries_what_an_evaluation_must_be_able_to_refuse():
    scores = FrameScores("", np.array([4, 4, 1]), np.array([np.nan, np.inf]), label=np.array([0, 255, 1, 2]))
    assert scores.frame_index.tolist() == [4, 4, 1]
    assert scores.raw.shape == (2,)
    assert scores.label.tolist() == [0, 255, 1, 2]


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        FrameScores("Test001", np.arange(3), np.ones(3)).video = "Test002"
