import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.core import UsageError
from aed_lightning.scoring.events import Alarm, Event, EventFinder


def found(scores, alarm, frames=None, stride=1):
    finder = EventFinder(alarm, stride)
    frames = frames or [stride * number for number in range(len(scores))]
    events = [event for frame, score in zip(frames, scores, strict=True) for event in finder.push(frame, score)]
    return events + finder.flush()


def plainly(scores, alarm):
    """The same over the whole array at once."""
    events, start = [], None
    for frame, score in enumerate([*scores, -np.inf]):
        if start is None and score >= alarm.threshold:
            start = frame
        elif start is not None and score < alarm.release:
            if frame - start >= alarm.least_frames:
                inside = scores[start:frame]
                events.append(Event(start, frame, max(inside), start + int(np.argmax(inside))))
            start = None
    return events


def test_an_event_begins_at_the_threshold_and_ends_below_the_release():
    scores = [0.0, 0.6, 1.0, 1.5, 0.7, 0.6, 0.4, 0.9]
    assert found(scores, Alarm(1.0, 0.5)) == [Event(2, 6, 1.5, 3)]
    assert found(scores, Alarm(0.9, 0.9)) == [Event(2, 4, 1.5, 3), Event(7, 8, 0.9, 7)]


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 1), st.integers(1, 4))
def test_frame_by_frame_finds_what_the_whole_video_shows(scores, one, other, least):
    alarm = Alarm(max(one, other), min(one, other), least)
    assert found(scores, alarm) == plainly(scores, alarm)


def test_short_events_are_none_and_lengths_count_scored_frames():
    scores = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    assert found(scores, Alarm(1.0, 0.5, 3)) == [Event(4, 7, 1.0, 4)]
    assert found(scores, Alarm(1.0, 0.5, 3), stride=2) == [Event(8, 13, 1.0, 8)]


def test_a_gap_ends_an_event():
    assert found([1.0, 1.0, 1.0], Alarm(1.0, 0.5), frames=[3, 4, 9]) == [Event(3, 5, 1.0, 3), Event(9, 10, 1.0, 9)]


def test_dropped_frames_are_no_gap():
    finder = EventFinder(Alarm(1.0, 0.5))
    found = [event for frame, dropped in ((3, 0), (6, 2), (7, 0), (9, 0)) for event in finder.push(frame, 1.0, dropped)]
    assert found + finder.flush() == [Event(3, 8, 1.0, 3), Event(9, 10, 1.0, 9)]


def test_its_start_is_known_from_the_threshold_to_the_release():
    finder, starts = EventFinder(Alarm(1.0, 0.5, 3)), []
    for frame, score in enumerate([0.6, 1.0, 0.6, 0.4, 0.6]):
        finder.push(frame, score)
        starts.append(finder.start)
    assert starts == [None, 1, 1, None, None]


@pytest.mark.parametrize(("release", "least"), [(1.1, 1), (0.5, 0), (float("nan"), 1)])
def test_impossible_alarms_are_refused(release, least):
    with pytest.raises(UsageError, match="release"):
        Alarm(1.0, release, least)
