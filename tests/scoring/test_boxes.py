import numpy as np
import pytest

from aed_lightning.core import Detection
from aed_lightning.scoring.boxes import detections

TOKENS = np.zeros((4, 6), dtype=np.float32)


def map_with(**values: float) -> np.ndarray:
    """`at_ROW_COLUMN`: value of that token."""
    found = TOKENS.copy()
    for place, value in values.items():
        row, column = map(int, place.split("_")[1:])
        found[row, column] = value
    return found


def test_a_token_becomes_the_pixels_that_it_covers():
    assert detections(map_with(at_1_2=0.75), 0.5, (40, 60), 7) == [Detection(7, (20.0, 10.0, 30.0, 20.0), 0.75)]


def test_boxes_are_in_pixels_of_the_video_and_not_of_the_network():
    (found,) = detections(map_with(at_3_5=1.0), 0.5, (90, 150), 0)
    assert found.box == (125.0, 67.5, 150.0, 90.0)


def test_tokens_that_touch_at_a_corner_are_one_box_with_the_highest_of_their_values():
    found = detections(map_with(at_0_0=0.6, at_1_1=0.9, at_2_0=0.7), 0.5, (4, 6), 0)
    assert [(place.box, place.score) for place in found] == [((0.0, 0.0, 2.0, 3.0), float(np.float32(0.9)))]


def test_tokens_apart_are_boxes_of_their_own():
    found = detections(map_with(at_0_0=0.6, at_0_2=0.75, at_3_5=1.0), 0.5, (4, 6), 3)
    assert {(place.box, place.score) for place in found} == {
        ((0.0, 0.0, 1.0, 1.0), float(np.float32(0.6))),
        ((2.0, 0.0, 3.0, 1.0), 0.75),
        ((5.0, 3.0, 6.0, 4.0), 1.0),
    }
    assert {place.frame for place in found} == {3}


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_only_tokens_above_the_threshold_count_so_a_map_of_one_value_has_no_box(threshold: float):
    assert detections(TOKENS + np.float32(threshold), threshold, (40, 60), 0) == []
    assert detections(TOKENS, threshold, (40, 60), 0) == []


def test_boxes_agree_with_a_flood_fill():
    for seed in range(20):
        tokens = np.random.default_rng(seed).random((9, 13), dtype=np.float32)
        expected, left = set(), {(int(r), int(c)) for r, c in np.argwhere(tokens > 0.7)}
        while left:
            group, waiting = set(), [left.pop()]
            while waiting:
                row, column = waiting.pop()
                group.add((row, column))
                near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
                left -= near
                waiting += near
            rows, columns = [row for row, _ in group], [column for _, column in group]
            box = (2 * min(columns), 2 * min(rows), 2 * max(columns) + 2, 2 * max(rows) + 2)
            expected.add((box, max(float(tokens[place]) for place in group)))
        found = detections(tokens, 0.7, (18, 26), 0)
        assert {(place.box, place.score) for place in found} == expected
        assert len(found) == len(expected)
