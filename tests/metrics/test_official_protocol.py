import json
import warnings

import numpy as np
import pytest
from evaluation_vectors import AUC_TOLERANCE, CASES, SCORE_TOLERANCE, official_parameters, one_video, videos_of
from sklearn.metrics import roc_auc_score

from aed_lightning.core import DataError, UsageError
from aed_lightning.metrics import evaluate
from aed_lightning.metrics.official import _filter_video, zero_padded_filter

ERRORS = {"ValueError": ValueError, "IndexError": IndexError}


@pytest.mark.parametrize("name", CASES)
def test_official_agrees_with_the_released_code(name):
    case = CASES[name]
    expected = case["official"]["expected"]
    if "raises" in expected:
        with pytest.raises(ERRORS[expected["raises"]]):
            evaluate(videos_of(case), "official", **official_parameters(case))
        return
    found = evaluate(videos_of(case), "official", **official_parameters(case))
    assert found["micro_auc"] == pytest.approx(expected["micro_auc"], abs=AUC_TOLERANCE)
    assert found["macro_auc_padded"] == pytest.approx(expected["macro_auc_padded"], abs=AUC_TOLERANCE)
    assert found["per_video_auc_padded"] == pytest.approx(expected["per_video_auc_padded"], abs=AUC_TOLERANCE)
    assert {key: found[key] for key in official_parameters(case)} == official_parameters(case)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("name", [name for name in CASES if "filtered" in CASES[name]["official"]["expected"]])
def test_official_filter_agrees_with_the_released_code(name):
    case = CASES[name]
    for video in videos_of(case):
        found = _filter_video(video.raw, *official_parameters(case).values())
        expected = case["official"]["expected"]["filtered"][video.video]
        np.testing.assert_allclose(found, expected, rtol=SCORE_TOLERANCE, atol=1e-12)


@pytest.mark.parametrize(
    ("range_", "mu", "taps_sum", "first", "middle", "last"),
    [
        (38, 11, 0.90616, 0.44378, 0.90616, 0.49850),
        (302, 21, 1.00000, 0.49050, 1.00000, 0.52847),
        (900, 282, 0.88906, 0.44422, 0.88906, 0.44625),
    ],
)
def test_filter_pulls_down_the_ends_of_a_constant(range_, mu, taps_sum, first, middle, last):
    filtered = zero_padded_filter(np.ones(1000), range_, mu)
    assert filtered[[0, 500, 999]] == pytest.approx([first, middle, last], abs=6e-6)
    impulse = np.zeros(2001)
    impulse[1000] = 1.0
    response = zero_padded_filter(impulse, range_, mu)
    assert response.sum() == pytest.approx(taps_sum, abs=6e-6)
    assert np.argmax(response) == 1001


def test_filter_equals_a_plain_loop():
    scores = np.random.default_rng(0).random(50)
    expected = [
        sum(
            scores[t + j] * np.exp(-(((j + 1) / 11) ** 2) / 2) / (11 * np.sqrt(2 * np.pi))
            for j in range(-18, 19)
            if 0 <= t + j < 50
        )
        for t in range(50)
    ]
    np.testing.assert_allclose(zero_padded_filter(scores, 38, 11), expected, rtol=1e-12)


def scores_with_auc(normals, anomalies, auc):
    pairs_won = round(auc * normals * anomalies)
    label = []
    for _ in range(anomalies):
        below = min(normals, pairs_won)
        pairs_won -= below
        label.append(below)
    anomalous = [(below + 0.5) / (normals + 1) for below in label]
    normal = [(position + 1) / (normals + 1) - 0.1 / (normals + 1) for position in range(normals)]
    return np.array(normal + anomalous), np.array([0] * normals + [1] * anomalies)


@pytest.mark.parametrize(
    ("normals", "anomalies", "auc", "padded"),
    [
        (50, 50, 0.5, 0.51942),
        (90, 90, 0.9, 0.90219),
        (30, 150, 0.9, 0.90387),
        (5, 31, 0.5, 0.59635),
        (1, 35, 0.5, 0.75694),
        (20, 10, 0.0, 0.13420),
    ],
)
def test_padding_moves_the_auc_as_the_formula_says(normals, anomalies, auc, padded):
    raw, label = scores_with_auc(normals, anomalies, auc)
    true_auc = roc_auc_score(label, raw)
    found = evaluate([one_video(raw, label)], "official", range=2, mu=1 / np.sqrt(2 * np.pi))["macro_auc_padded"]
    formula = (normals * anomalies * true_auc + normals + anomalies + 1) / ((normals + 1) * (anomalies + 1))
    assert found == pytest.approx(formula, abs=1e-12)
    rounding = 0.5 / (normals * anomalies) + 6e-6
    assert true_auc == pytest.approx(auc, abs=rounding)
    assert found == pytest.approx(padded, abs=rounding)


@pytest.mark.parametrize("label", [0, 1])
def test_a_video_of_one_class_counts_one_in_the_padded_macro(label):
    found = evaluate([one_video(np.linspace(0.1, 0.9, 60), [label] * 60)], "official")
    assert found["macro_auc_padded"] == 1.0
    assert found["micro_auc"] == 1.0


def test_infinity_before_the_filter_becomes_the_largest_float32_of_float32_scores():
    scores = np.array([0.0, np.inf, 0.0], dtype=np.float32)
    filtered = _filter_video(scores, 2, 1, False, "engine")
    assert filtered[1] == pytest.approx(np.finfo(np.float32).max / np.sqrt(2 * np.pi), rel=1e-6)
    assert _filter_video(scores, 2, 1, False, "inference")[1] == np.finfo(np.float64).max


def test_official_defects_raise_no_warnings():
    raw = [np.nan, np.inf, -np.inf, 0.2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate([one_video(raw, [0, 1, 0, 1])], "official", per_video_minmax=True)
        evaluate([one_video([0.0, 0.0], [0, 1])], "official", per_video_minmax=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"variant": "train"}, "official variant 'train': give one of inference, engine"),
        ({"variant": "engine", "per_video_minmax": True}, "only 'inference' has a min-max"),
        ({"mu": 0}, "official mu 0: give a standard deviation"),
    ],
)
def test_official_parameters_that_cannot_be_meant_are_refused(parameters, message):
    with pytest.raises(UsageError, match=message):
        evaluate([one_video([0.1, 0.2], [0, 1])], "official", **parameters)


def test_official_wants_labels_too():
    video = one_video([0.1, 0.2], [0, 1])
    with pytest.raises(DataError) as refusal:
        evaluate([type(video)(video.video, video.frame_index, video.raw)], "official")
    assert refusal.value.name == "no_labels"


def test_an_odd_range_is_explained():
    with pytest.raises(ValueError, match="'01': filter range 39 makes 5 scores of 4 frames; give an even range"):
        evaluate([one_video([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1])], "official", range=39)
