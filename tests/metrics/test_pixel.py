import json

import numpy as np
import pytest
from evaluation_vectors import AUC_TOLERANCE, VECTORS
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from aed_lightning.core import DataError
from aed_lightning.metrics import PixelAUC


def figures(maps, masks, **options):
    metric = PixelAUC(**options)
    for anomaly_map, mask in zip(maps, masks, strict=True):
        metric.update(np.atleast_2d(np.asarray(anomaly_map, float)), np.atleast_2d(np.asarray(mask, bool)))
    return metric.compute()


def random_frames(frames, seed=0, dtype=np.float32):
    generator = np.random.default_rng(seed)
    masks = np.zeros((frames, 12, 20), bool)
    masks[::2, 3:9, 5:12] = True
    maps = generator.normal(size=masks.shape) + masks
    return maps.astype(dtype), masks


@pytest.mark.parametrize("case", VECTORS["pixel"], ids=lambda case: case["name"])
def test_both_pixel_aucs_agree_with_the_vectors(case):
    found = figures(case["maps"], case["masks"])
    assert found["pixel_auc"] == pytest.approx(case["expected"]["pixel_auc"], abs=AUC_TOLERANCE)
    assert found["pixel_auc_40"] == pytest.approx(case["expected"]["pixel_auc_40"], abs=AUC_TOLERANCE)
    assert found["pixel_auc_error"] == 0.0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


PIXELS = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5]) | st.floats(-9, 9), st.booleans()), min_size=4)


@settings(max_examples=60)
@given(PIXELS.filter(lambda pixels: len({anomalous for _, anomalous in pixels}) == 2), st.integers(1, 3))
def test_pixel_auc_equals_scikit_learn_however_pixels_lie_in_frames(pixels, cut):
    values, anomalous = (np.array(column) for column in zip(*pixels, strict=True))
    found = figures(np.split(values, [cut]), np.split(anomalous, [cut]))
    assert found["pixel_auc"] == pytest.approx(roc_auc_score(anomalous, values), abs=1e-12)
    assert (found["pixels"], found["frames"]) == (len(values), 2)


def test_beyond_the_limit_the_error_bound_holds_and_is_small():
    maps, masks = random_frames(200)
    maps[50:60] = 0.5
    exact = figures(maps, masks)
    assert exact["pixel_auc"] == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()), abs=1e-12)
    binned = figures(maps, masks, exact_up_to=10_000)
    assert abs(binned["pixel_auc"] - exact["pixel_auc"]) <= binned["pixel_auc_error"]
    ties = 1200 * 1.0 * 420 / (masks.sum() * (~masks).sum())
    assert 0 < binned["pixel_auc_error"] < 1e-3 + ties
    assert binned["pixel_auc_40"] == exact["pixel_auc_40"]


def test_bins_made_of_the_first_frames_still_bound_the_error_when_later_frames_are_elsewhere():
    maps, masks = random_frames(40)
    maps[10:] += 100
    binned, exact = figures(maps, masks, exact_up_to=1000), figures(maps, masks)
    assert abs(binned["pixel_auc"] - exact["pixel_auc"]) <= binned["pixel_auc_error"]


def share_marked(anomaly_map, mask, threshold):
    return np.mean(anomaly_map[mask] >= threshold)


def test_the_40_percent_criterion_equals_counting_at_every_threshold():
    maps, masks = random_frames(30, seed=4)
    masks[0] = masks[2] = False
    masks[0, 0, :5] = masks[2, 0, :7] = True
    maps = np.round(maps, 1)
    hits, alarms = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        of_frames = [
            share_marked(m, mask, threshold) >= 0.4 if mask.any() else (m >= threshold).any()
            for m, mask in zip(maps, masks, strict=True)
        ]
        anomalous = masks.any(axis=(1, 2))
        hits.append(np.mean(np.array(of_frames)[anomalous]))
        alarms.append(np.mean(np.array(of_frames)[~anomalous]))
    assert figures(maps, masks)["pixel_auc_40"] == pytest.approx(np.trapezoid(hits, alarms), abs=1e-12)


def bilinear_loop(small, size):
    large = np.zeros(size)
    for row, column in np.ndindex(*size):
        y = np.clip((row + 0.5) * small.shape[0] / size[0] - 0.5, 0, small.shape[0] - 1)
        x = np.clip((column + 0.5) * small.shape[1] / size[1] - 0.5, 0, small.shape[1] - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
        above = small[top, left] * (1 - x + left) + small[top, right] * (x - left)
        below = small[bottom, left] * (1 - x + left) + small[bottom, right] * (x - left)
        large[row, column] = above * (1 - y + top) + below * (y - top)
    return large


@pytest.mark.parametrize("size", [(12, 20), (3, 5), (9, 7)])
def test_a_map_is_brought_to_the_size_of_the_mask(size):
    generator = np.random.default_rng(3)
    small, mask = generator.random((4, 6)), generator.random(size) < 0.5
    expected = bilinear_loop(small, size)
    assert figures([small], [mask])["pixel_auc"] == pytest.approx(roc_auc_score(mask.ravel(), expected.ravel()))


def test_frames_of_one_kind_leave_the_40_percent_criterion_undefined():
    assert figures([[0.1, 0.9]], [[0, 1]])["pixel_auc_40"] is None


@pytest.mark.parametrize(
    ("maps", "masks", "name", "message"),
    [
        ([[0.1, np.nan]], [[0, 1]], "nan_score", "the map of frame number 0 has 1 pixels that are nan"),
        ([[0.1, 0.2], [np.inf, -np.inf]], [[0, 1], [0, 1]], "inf_score", "frame number 1 has 2 pixels that are inf"),
        ([[0.1, 0.2]], [[0, 0]], "single_class", "0 of 2 pixels are anomalous"),
        ([], [], "single_class", "0 of 0 pixels"),
    ],
)
def test_what_has_no_roc_is_refused_by_name(maps, masks, name, message):
    with pytest.raises(DataError) as refusal:
        figures(maps, masks)
    assert refusal.value.name == name
    assert message in str(refusal.value)
