import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import roc_curve as roc_of_scikit_learn

from aed_lightning.metrics.ranking import area_under_roc, average_precision, equal_error_rate, roc_curve

FEW_VALUES = st.sampled_from([-1.0, 0.0, 0.1 + 0.2, 0.3, 1e-300, 0.7, 1e9])
ANY_VALUE = st.floats(-1e6, 1e6, allow_subnormal=False)
RANKINGS = st.lists(st.tuples(FEW_VALUES | ANY_VALUE, st.booleans()), min_size=2, max_size=60).filter(
    lambda frames: len({anomalous for _, anomalous in frames}) == 2
)


def columns(frames):
    return np.array([score for score, _ in frames]), np.array([anomalous for _, anomalous in frames])


@settings(max_examples=150)
@given(RANKINGS)
def test_auc_and_average_precision_equal_scikit_learn(frames):
    scores, anomalous = columns(frames)
    assert area_under_roc(scores, anomalous) == pytest.approx(roc_auc_score(anomalous, scores), abs=1e-12)
    assert average_precision(scores, anomalous) == pytest.approx(average_precision_score(anomalous, scores), abs=1e-12)


@settings(max_examples=100)
@given(RANKINGS)
def test_the_roc_has_the_vertices_of_scikit_learn(frames):
    scores, anomalous = columns(frames)
    expected = roc_of_scikit_learn(anomalous, scores, drop_intermediate=False)[:2]
    for ours, theirs in zip(roc_curve(scores, anomalous), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@settings(max_examples=100)
@given(RANKINGS)
def test_equal_error_rate_lies_on_the_roc_where_both_errors_are_equal(frames):
    scores, anomalous = columns(frames)
    rate = equal_error_rate(scores, anomalous)
    false_positive, true_positive, _ = roc_of_scikit_learn(anomalous, scores, drop_intermediate=False)
    along = np.linspace(0, 1, len(false_positive))
    excess = false_positive + true_positive - 1
    crossing = np.interp(0, excess, along)
    assert rate == pytest.approx(np.interp(crossing, along, false_positive), abs=1e-9)


@settings(max_examples=50)
@given(RANKINGS, st.randoms(use_true_random=False))
def test_auc_does_not_depend_on_the_order_of_frames_in_its_last_bit(frames, random):
    before = area_under_roc(*columns(frames))
    shuffled = list(frames)
    random.shuffle(shuffled)
    assert area_under_roc(*columns(shuffled)) == before


def test_auc_by_hand():
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    assert area_under_roc(scores, np.array([False, False, True, True])) == 3.5 / 4
    assert equal_error_rate(scores, np.array([True, True, False, False])) == 0.75
