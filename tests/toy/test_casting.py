from collections import Counter, defaultdict

import pytest

from aed_lightning.core import UsageError
from aed_lightning.toy.actors import Mover
from aed_lightning.toy.camera import Camera
from aed_lightning.toy.casting import cast_video
from aed_lightning.toy.scene import FOUNTAIN, FOUNTAIN_RADIUS, on_lawn
from aed_lightning.toy.schedule import KINDS, SUBTLE, TEST_VIDEOS, TRAIN_VIDEOS, plan_videos


def test_every_kind_is_in_two_test_videos_easy_and_hard():
    videos, grades = defaultdict(set), defaultdict(set)
    for plan in plan_videos(0):
        for event in plan.events:
            videos[event.kind].add(plan.name)
            grades[event.kind].add(event.hard)
    assert len(KINDS) >= 9
    assert set(SUBTLE) < set(KINDS)
    assert set(videos) == set(KINDS)
    assert all(len(names) >= 2 for names in videos.values())
    assert all(grade == {False, True} for grade in grades.values())


def test_training_videos_have_no_event_and_some_test_videos_neither():
    plans = plan_videos(0)
    counts = Counter((plan.split, bool(plan.events)) for plan in plans)
    assert counts["train", True] == 0
    assert counts["train", False] == TRAIN_VIDEOS
    assert counts["test", False] >= 2
    assert len(plans) == TRAIN_VIDEOS + TEST_VIDEOS


@pytest.mark.parametrize("video", range(TRAIN_VIDEOS))
def test_the_casts_of_training_videos_are_normal_and_keep_to_the_paving(video):
    camera = Camera()
    plan = plan_videos(0)[video]
    for actor in cast_video(plan, camera, 0):
        assert isinstance(actor, Mover)
        assert actor.kind == ""
        for frame in range(0, plan.frames, 4):
            assert not actor.anomalous(frame)
            x, y = actor.way.at(frame)
            assert not on_lawn((x, y))
            assert (x - FOUNTAIN[0]) ** 2 + (y - FOUNTAIN[1]) ** 2 > FOUNTAIN_RADIUS**2


def test_the_number_of_people_varies_within_test_videos():
    camera = Camera()
    present = []
    for plan in plan_videos(0, 0):
        cast = cast_video(plan, camera, 0)
        present += [
            sum(actor.figure(camera, frame) is not None for actor in cast if not actor.kind)
            for frame in range(0, plan.frames, 20)
        ]
    assert min(present) <= 2
    assert max(present) >= 10


def test_another_seed_is_another_crowd():
    camera = Camera()
    ways = [cast_video(plan_videos(seed)[0], camera, seed)[0].way.at(50) for seed in (0, 1)]
    assert ways[0] != ways[1]


@pytest.mark.parametrize("terms", [{"test_videos": 17}, {"test_videos": -1}, {"train_videos": -1}, {"frames": -1}])
def test_a_set_that_is_not_planned_is_refused(terms):
    with pytest.raises(UsageError, match="toy set of"):
        plan_videos(0, **terms)
