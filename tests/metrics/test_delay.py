import json
from dataclasses import asdict

import numpy as np
import pytest
from evaluation_vectors import VECTORS, one_video

from aed_lightning.core import DataError, UsageError
from aed_lightning.metrics import detection_delay, event_delays, smoothed_scores


@pytest.mark.parametrize("case", VECTORS["delay"], ids=lambda case: case["name"])
def test_delays_agree_with_the_vectors(case):
    found = event_delays(np.array(case["smoothed"]), np.array(case["labels"]) == 1, case["threshold"])
    assert [asdict(event) for event in found] == case["expected"]


def delays(raw, label, threshold=0.5):
    return event_delays(np.asarray(raw, float), np.asarray(label) == 1, threshold)


def test_a_score_at_the_threshold_is_above_it():
    assert delays([0.0, 0.4, 0.5], [0, 1, 1])[0].delay == 1


def test_an_event_in_the_first_frame_is_never_early_and_one_in_the_last_frame_ends_there():
    first, last = delays([1, 0, 0, 1], [1, 0, 0, 1])
    assert (first.start, first.end, first.delay, first.early) == (0, 1, 0, False)
    assert (last.start, last.end, last.delay, last.early) == (3, 4, 0, False)


def test_a_score_that_falls_before_the_event_and_rises_in_it_is_not_early():
    (event,) = delays([1, 0, 1], [0, 1, 1])
    assert (event.delay, event.early) == (1, False)


def test_delays_and_false_alarms_of_several_videos_by_hand():
    videos = [
        # an early event, an event after 2 frames, a false alarm of two frames
        one_video([1, 1, 0, 0, 0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 1, 1, 0, 0, 0, 0], "a"),
        # a missed event, an event after 1 frame whose alarm goes on, so that it is not false
        one_video([0, 0, 0, 0, 1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0, 0, 0, 0, 0], "b"),
    ]
    found = detection_delay(videos, 1, sigma_frames=0, fps={"a": 10, "b": 5})
    assert {key: value for key, value in found.items() if key != "per_event"} == {
        "threshold": 1.0,
        "sigma": 0.0,
        "events": 4,
        "early": 1,
        "missed": 1,
        "missed_share": 0.25,
        "median_frames": 1.5,
        "p90_frames": pytest.approx(1.9),
        "median_seconds": pytest.approx(0.2),
        "p90_seconds": pytest.approx(0.2),
        "false_alarms": 1,
        "false_alarms_per_hour": pytest.approx(1200),
        "hours": pytest.approx(3 / 3600),
    }
    assert found["per_event"][1] == {"video": "a", "start": 3, "end": 6, "delay": 2, "early": False}
    assert [event["delay"] for event in found["per_event"]] == [0, 2, None, 1]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_smoothing_looks_back_only():
    raw, label = np.zeros(40), np.zeros(40, int)
    raw[20:30] = label[20:30] = 1
    video = one_video(raw, label)
    (causal,) = detection_delay([video], 0.5, sigma_frames=3)["per_event"]
    [smoothed] = smoothed_scores([video], 3, causal=True)
    assert causal["delay"] == np.argmax(smoothed.smoothed >= 0.5) - 20 > 0
    changed = one_video(np.where(np.arange(40) > 23, 0, raw), label)
    assert detection_delay([changed], 0.5, sigma_frames=3)["per_event"] == [causal]


def test_a_stride_counts_in_frames_of_the_video():
    video = one_video([0, 0, 0, 1], [0, 1, 1, 1], frame_index=np.array([0, 4, 8, 12]))
    found = detection_delay([video], 0.5, sigma_frames=0, stride=4, fps={"01": 4})
    assert found["per_event"] == [{"video": "01", "start": 4, "end": 16, "delay": 8, "early": False}]
    assert (found["median_seconds"], found["hours"]) == (2.0, 4 / 3600)


def test_normal_video_alone_has_false_alarms_and_no_delay():
    found = detection_delay([one_video([1, 0, 1], [0, 0, 0])], 0.5, sigma_frames=0)
    assert (found["events"], found["false_alarms"], found["missed_share"], found["median_frames"]) == (0, 2, None, None)
    assert found["false_alarms_per_hour"] is found["hours"] is found["median_seconds"] is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"threshold": float("nan"), "sigma_frames": 0}, "bad_threshold"),
        ({"threshold": 0.5, "sigma_frames": -1}, "bad_sigma"),
        ({"threshold": 0.5, "sigma_frames": 0, "fps": {"other": 25}}, "no_frame_rate"),
        ({"threshold": 0.5, "sigma_frames": 0, "fps": {"01": 0}}, "no_frame_rate"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(options, name):
    with pytest.raises((UsageError, DataError)) as refusal:
        detection_delay([one_video([0.1, 0.2], [0, 1])], **options)
    assert refusal.value.name == name


def test_events_and_false_alarms_end_where_frames_are_missing():
    other = one_video([1, 0, 0], [0, 0, 1], "other")  # a false alarm, and both classes, which figures need
    frames = np.concatenate([np.arange(10), np.arange(50, 60)])
    found = detection_delay([one_video([1] * 20, [1] * 20, frame_index=frames), other], 0.5, sigma_frames=0)
    assert [(event["start"], event["end"], event["early"]) for event in found["per_event"]] == [
        (0, 10, False), (50, 60, False), (2, 3, False),
    ]  # fmt: skip
    assert found["false_alarms"] == 1
    alarms = detection_delay([one_video([1] * 20, [0] * 20, frame_index=frames), other], 0.5, sigma_frames=0)
    assert alarms["false_alarms"] == 3
