import numpy as np
import pytest

from aed_lightning.core import FrameScores
from aed_lightning.report.worst import worst_frames


def video(name: str, smoothed: list[float], label: list[int] | None, first: int = 0) -> FrameScores:
    index = np.arange(first, first + len(smoothed))
    scores = np.array(smoothed, dtype=np.float64)
    return FrameScores(name, index, scores, scores, None if label is None else np.array(label))


def test_false_alarms_are_the_highest_normal_frames_and_misses_the_lowest_anomalous_ones():
    videos = [video("a", [0.1, 0.9, 0.2, 0.3], [0, 0, 1, 1]), video("b", [0.5, 0.8], [0, 1], first=7)]
    found = worst_frames(videos, apart=1)
    assert [(worst.video, worst.frame, worst.score) for worst in found["false_alarms"]] == [
        ("a", 1, 0.9),
        ("b", 7, 0.5),
        ("a", 0, 0.1),
    ]
    assert [(worst.video, worst.frame) for worst in found["misses"]] == [("a", 2), ("a", 3), ("b", 8)]


def test_the_share_that_a_frame_passed_is_counted_over_the_other_class():
    found = worst_frames([video("a", [0.1, 0.5, 0.9, 0.2, 0.5, 0.95], [0, 0, 0, 1, 1, 1])], apart=1)
    assert [worst.passed for worst in found["false_alarms"]] == pytest.approx([2 / 3, 1 / 3, 0])
    assert [worst.passed for worst in found["misses"]] == pytest.approx([2 / 3, 1 / 3, 0])


def test_neighbors_in_one_video_are_shown_once_and_other_videos_are_not_neighbors():
    hump = [0.1, 0.6, 0.7, 0.6, 0.1, 0.1, 0.5]
    found = worst_frames([video("a", hump, [0] * 7), video("b", hump, [0] * 7)], apart=4)
    assert [(worst.video, worst.frame) for worst in found["false_alarms"]] == [("a", 2), ("b", 2), ("a", 6), ("b", 6)]
    assert found["false_alarms"][0].passed is None


def test_no_more_than_were_asked_for():
    found = worst_frames([video("a", list(np.linspace(0, 1, 90)), [0, 1] * 45)], count=3, apart=2)
    assert [worst.frame for worst in found["false_alarms"]] == [88, 86, 84]
    assert len(found["misses"]) == 3


def test_without_labels_or_numbers_there_is_nothing_worst():
    assert worst_frames([]) == {"false_alarms": [], "misses": []}
    assert worst_frames([video("a", [0.1, 0.2], None)]) == {"false_alarms": [], "misses": []}
    found = worst_frames([video("a", [np.nan, np.inf, 0.2, np.nan], [0, 0, 0, 1])])
    assert [worst.frame for worst in found["false_alarms"]] == [2]
    assert found["misses"] == []
