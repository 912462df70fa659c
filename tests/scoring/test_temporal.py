import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from aed_lightning.core import UsageError
from aed_lightning.scoring.temporal import smooth, smooth_causal

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "evaluation_vectors.json").read_text())


def centered_loop(raw, sigma):
    radius, frames = int(4 * sigma + 0.5), len(raw)
    weights = [math.exp(-(j**2) / (2 * sigma**2)) for j in range(-radius, radius + 1)]
    smoothed = []
    for t in range(frames):
        total = 0.0
        for j, weight in zip(range(-radius, radius + 1), weights, strict=True):
            at = (t + j) % (2 * frames)
            total += weight * raw[at if at < frames else 2 * frames - 1 - at]
        smoothed.append(total / sum(weights))
    return smoothed


def causal_loop(raw, sigma):
    smoothed = []
    for t in range(len(raw)):
        ages = range(min(int(4 * sigma + 0.5), t) + 1)
        weights = [math.exp(-(age**2) / (2 * sigma**2)) for age in ages]
        smoothed.append(sum(w * raw[t - age] for w, age in zip(weights, ages, strict=True)) / sum(weights))
    return smoothed


def scores(frames, seed=0):
    return np.random.default_rng(seed).random(frames)


@settings(max_examples=40)
@given(st.integers(1, 40), st.floats(0.05, 12.0))
def test_smoothing_equals_scipy_and_a_plain_loop(frames, sigma):
    raw = scores(frames, frames)
    found = smooth(raw, np.arange(frames), sigma)
    np.testing.assert_allclose(found, gaussian_filter1d(raw, sigma, mode="reflect", truncate=4.0), rtol=1e-13)
    np.testing.assert_allclose(found, centered_loop(raw, sigma), rtol=1e-11)


@settings(max_examples=40)
@given(st.integers(1, 40), st.floats(0.05, 12.0))
def test_causal_smoothing_equals_a_plain_loop(frames, sigma):
    raw = scores(frames, frames)
    np.testing.assert_allclose(smooth_causal(raw, np.arange(frames), sigma), causal_loop(raw, sigma), rtol=1e-12)


@pytest.mark.parametrize("vector", VECTORS["causal"], ids=lambda vector: vector["name"])
def test_causal_smoothing_agrees_with_the_vectors(vector):
    raw = np.array(vector["raw"], dtype=np.float64)
    found = smooth_causal(raw, np.arange(len(raw)), vector["sigma_frames"])
    np.testing.assert_allclose(found, vector["expected"], rtol=1e-9, atol=1e-12)


def test_causal_smoothing_never_looks_ahead():
    raw = scores(50)
    changed = raw.copy()
    changed[30:] = 9.0
    before, after = (smooth_causal(values, np.arange(50), 4) for values in (raw, changed))
    np.testing.assert_array_equal(before[:30], after[:30])
    assert before[30] != after[30]
    assert before[0] == raw[0]


@pytest.mark.parametrize("smoothing", [smooth, smooth_causal])
def test_nothing_crosses_a_gap(smoothing):
    raw = scores(30)
    index = np.concatenate([np.arange(5, 17), np.arange(18, 36)])
    parts = [smoothing(part, np.arange(len(part)), 3) for part in (raw[:12], raw[12:])]
    np.testing.assert_array_equal(smoothing(raw, index, 3), np.concatenate(parts))


@pytest.mark.parametrize("smoothing", [smooth, smooth_causal])
def test_stride_divides_sigma_and_sets_what_is_consecutive(smoothing):
    raw = scores(30)
    strided = 4 * np.arange(30) + 2
    np.testing.assert_array_equal(smoothing(raw, strided, 8, stride=4), smoothing(raw, np.arange(30), 2))
    np.testing.assert_allclose(smoothing(raw, strided, 8), raw, rtol=1e-15)


@pytest.mark.parametrize("smoothing", [smooth, smooth_causal])
@pytest.mark.parametrize("sigma", [0, 0.0, 0.01, 1e-200])
def test_no_or_hardly_any_sigma_leaves_the_scores(smoothing, sigma):
    raw = scores(10)
    found = smoothing(raw, np.arange(10), sigma)
    np.testing.assert_array_equal(found, raw)
    found[0] = -1
    assert raw[0] != -1


@pytest.mark.parametrize("smoothing", [smooth, smooth_causal])
def test_a_constant_stays_constant_in_every_bit_of_equality(smoothing):
    found = smoothing(np.full(40, 0.3), np.arange(40), 2.5)
    assert found.min() == found.max() == pytest.approx(0.3)


def test_centered_smoothing_keeps_the_mean():
    raw = scores(33)
    assert smooth(raw, np.arange(33), 15).mean() == pytest.approx(raw.mean(), rel=1e-12)


@pytest.mark.parametrize("smoothing", [smooth, smooth_causal])
def test_float32_scores_are_smoothed_in_float64(smoothing):
    raw = scores(20).astype(np.float32)
    found = smoothing(raw, np.arange(20), 2)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, smoothing(raw.astype(np.float64), np.arange(20), 2))


@pytest.mark.parametrize("sigma", [-1.0, float("nan"), float("inf")])
def test_bad_sigma_is_refused(sigma):
    with pytest.raises(UsageError, match=f"sigma {sigma}: give a number of frames") as refusal:
        smooth(scores(3), np.arange(3), sigma)
    assert refusal.value.name == "bad_sigma"


def test_bad_stride_is_refused():
    with pytest.raises(UsageError, match="stride 0: give") as refusal:
        smooth(scores(3), np.arange(3), 1.0, stride=0)
    assert refusal.value.name == "bad_stride"


@pytest.mark.parametrize("index", [[0, 2, 1], [0, 1, 1]])
def test_frames_that_do_not_ascend_are_refused(index):
    with pytest.raises(ValueError, match="sort the frames"):
        smooth(scores(3), np.array(index), 1.0)


def test_no_frames_give_no_scores():
    assert smooth(np.zeros(0), np.zeros(0, dtype=np.int64), 2.0).shape == (0,)
