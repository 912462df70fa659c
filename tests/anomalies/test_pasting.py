import numpy as np
import pytest

from aed_lightning.anomalies import ProceduralValidation, SelfCut
from aed_lightning.anomalies.pasting import EventPasting, RandomPasting
from aed_lightning.core.clip import PastePlan, Sprite

SIZE = (32, 64)


class Recorder:
    def __init__(self) -> None:
        self.drawn: list[float] = []

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> "Mover":
        assert (frame_size, channels) == (SIZE, 3)
        self.drawn.append(float(generator.random()))
        return Mover(self.drawn[-1])


class Decoys(SelfCut):
    """Marks its objects by a negative identity."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[float] = []

    def draw_decoy(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> "Mover":
        self.drawn.append(-1 - float(generator.random()))
        return Mover(self.drawn[-1])


class Mover:
    """Its sprite's first byte counts the offset from 100, so that a test can read it."""

    def __init__(self, identity: float) -> None:
        self.identity = identity

    def sprite(self, offset: float) -> Sprite:
        image = np.full((3, 1, 1), 100 + int(offset), np.uint8)
        return Sprite(image, np.full((1, 1), 255, np.uint8), top=int(self.identity * 300), left=0)


def offsets(plan) -> list[int]:
    return [int(sprite.image[0, 0, 0]) - 100 for sprite in plan.anomaly]


def random_pasting(percentage: float = 100, seed: int = 0) -> RandomPasting:
    return RandomPasting(Recorder(), float(percentage), SIZE, 3, seed)


def event_pasting(seed: int = 0, length: int = 10) -> EventPasting:
    return EventPasting(Recorder(), SIZE, 3, seed, length)


def test_the_object_is_at_its_reference_moment_in_the_middle_frame_and_moves_with_the_frames():
    assert offsets(random_pasting().plan("walk", (7, 10, 13), 0)) == [-3, 0, 3]
    assert offsets(random_pasting().plan("walk", (0, 0, 3), 0)) == [0, 0, 3]


@pytest.mark.parametrize(("percentage", "share"), [(0, 0.0), (30, 0.3), (100, 1.0)])
def test_the_share_of_pasted_clips_is_the_percentage(percentage: float, share: float):
    pasting = random_pasting(percentage)
    plans = [pasting.plan("walk", (frame, frame, frame), epoch) for epoch in range(4) for frame in range(500)]
    found = np.mean([plan.anomaly is not None for plan in plans])
    assert abs(found - share) <= 4 * np.sqrt(share * (1 - share) / len(plans))


def test_other_epochs_paste_into_other_clips():
    pasting = random_pasting(50)
    chosen = [{frame for frame in range(100) if pasting.plan("walk", (frame,) * 3, epoch)} for epoch in range(2)]
    assert chosen[0] != chosen[1]


def test_what_is_pasted_depends_on_seed_video_frame_and_epoch_alone():
    def drawn(seed: int, video: str, frame: int, epoch: int) -> float:
        pasting = random_pasting(seed=seed)
        pasting.plan("other", (5, 5, 5), 0)
        pasting.plan(video, (frame, frame, frame), epoch)
        return pasting.source.drawn[-1]

    assert drawn(0, "walk", 9, 2) == drawn(0, "walk", 9, 2)
    variants = [drawn(0, "walk", 9, 2), drawn(1, "walk", 9, 2), drawn(0, "run", 9, 2), drawn(0, "walk", 8, 2)]
    assert len({*variants, drawn(0, "walk", 9, 3)}) == 5


def test_a_larger_percentage_keeps_what_a_smaller_one_pastes():
    few, many = random_pasting(20), random_pasting(60)
    for frame in range(100):
        instants = (frame, frame, frame)
        assert not few.plan("walk", instants, 0) or many.plan("walk", instants, 0)


def test_events_begin_after_half_a_length_and_alternate_with_as_many_frames_without():
    pasting = event_pasting(length=10)
    pasted = [bool(pasting.plan("walk", (frame, frame, frame), 0)) for frame in range(50)]
    assert pasted == [False] * 5 + [True] * 10 + [False] * 10 + [True] * 10 + [False] * 10 + [True] * 5


def test_an_event_is_one_object_that_moves_on_and_stands_at_its_reference_in_the_middle():
    pasting = event_pasting(length=10)
    plans = [pasting.plan("walk", (frame - 3, frame, frame + 3), 0) for frame in range(5, 15)]
    assert len(set(pasting.source.drawn)) == 1
    assert [offsets(plan) for plan in plans] == [[at - 3, at, at + 3] for at in range(-5, 5)]


def test_events_differ_from_each_other_from_video_to_video_and_with_the_seed_but_not_with_the_epoch():
    def drawn(seed: int, video: str, frame: int, epoch: int) -> float:
        pasting = event_pasting(seed)
        pasting.plan(video, (frame, frame, frame), epoch)
        return pasting.source.drawn[-1]

    assert drawn(0, "walk", 7, 0) == drawn(0, "walk", 12, 9)
    assert len({drawn(0, "walk", 7, 0), drawn(0, "walk", 27, 0), drawn(0, "run", 7, 0), drawn(1, "walk", 7, 0)}) == 4


def test_every_frame_of_an_event_has_the_grade_of_its_object():
    pasting = EventPasting(ProceduralValidation(), (64, 96), 3, 0, length=10)
    grades = pasting.grades("walk", 200)
    assert [bool(grade) for grade in grades[:30]] == [False] * 5 + [True] * 10 + [False] * 10 + [True] * 5
    assert set(grades) == {"", "easy", "medium", "hard"}
    assert all(len(set(grades[first : first + 10])) == 1 for first in range(5, 200, 20))
    assert grades != pasting.grades("run", 200)


def test_a_source_without_grades_gives_none():
    assert set(event_pasting(length=10).grades("walk", 50)) == {""}


def plan_of_decoy(plan: PastePlan) -> PastePlan:
    return PastePlan(anomaly=plan.decoy)


@pytest.mark.parametrize(("percentage", "decoys"), [(0, 100), (60, 30), (40, 100), (100, 100)])
def test_a_single_decoy_is_drawn_where_there_is_no_anomaly_and_changes_none_of_them(percentage: float, decoys: float):
    without = random_pasting(percentage)
    pasting = RandomPasting(Recorder(), float(percentage), SIZE, 3, 0, Decoys(), float(decoys))
    found = []
    for frame in range(1000):
        plan = pasting.plan("walk", (frame - 3, frame, frame + 3), 1)
        alone = without.plan("walk", (frame - 3, frame, frame + 3), 1)
        assert (plan.anomaly is None) == (alone.anomaly is None)
        if plan.anomaly:
            assert plan.decoy is None
            assert plan.anomaly[1].top == alone.anomaly[1].top >= 0
        else:
            found.append(plan.decoy is not None)
        if plan.decoy:
            assert {sprite.top < 0 for sprite in plan.decoy} == {True}
            assert offsets(plan_of_decoy(plan)) == [-3, 0, 3]
    share = decoys / 100
    if percentage < 100:
        assert abs(np.mean(found) - share) <= 4 * np.sqrt(share * (1 - share) / len(found))


def test_with_decoys_each_pause_after_an_event_shows_one_that_moves_on():
    pasting = EventPasting(Recorder(), SIZE, 3, 0, 10, Decoys())
    plans = [pasting.plan("walk", (frame - 3, frame, frame + 3), 0) for frame in range(50)]
    assert [bool(plan.anomaly) for plan in plans] == [False] * 5 + 2 * ([True] * 10 + [False] * 10) + [True] * 5
    assert [bool(plan.decoy) for plan in plans] == [False] * 5 + 2 * ([False] * 10 + [True] * 10) + [False] * 5
    first, second = plans[15:25], plans[35:45]
    assert [offsets(plan_of_decoy(plan)) for plan in first] == [[at - 3, at, at + 3] for at in range(-5, 5)]
    assert len({plan.decoy[1].top for plan in first}) == len({plan.decoy[1].top for plan in second}) == 1
    assert first[0].decoy[1].top != second[0].decoy[1].top


@pytest.mark.parametrize("most", [1, 2, 3])
def test_how_many_objects_a_clip_has_says_nothing_of_what_they_are(most: int):
    """Clips with an anomaly have one to `most` objects, each number as often, and so have those with decoys alone."""
    source, decoys = Recorder(), Decoys()
    pasting = RandomPasting(source, 50.0, SIZE, 3, 0, decoys, 100.0, most=most)
    with_anomaly, without = [], []
    for frame in range(1200):
        source.drawn.clear()
        decoys.drawn.clear()
        plan = pasting.plan("walk", (frame - 3, frame, frame + 3), 0)
        assert bool(plan.anomaly) == bool(source.drawn)
        assert bool(plan.decoy) == bool(decoys.drawn)
        (with_anomaly if plan.anomaly else without).append((len(source.drawn), len(decoys.drawn)))
        if plan.anomaly:
            top = plan.anomaly[1].top
            shown = {top + int(row) for row in np.nonzero(plan.anomaly[1].alpha[:, 0])[0]}
            assert shown == {int(300 * identity) for identity in source.drawn}
            assert offsets(plan)[1] == 0
    for clips in (with_anomaly, without):
        counts = np.bincount([sum(numbers) for numbers in clips], minlength=most + 1) / len(clips)
        assert counts == pytest.approx([0] + [1 / most] * most, abs=0.08)
    # Of so many objects, one to all are anomalies.
    anomalies = np.bincount([number for number, _ in with_anomaly], minlength=most + 1) / len(with_anomaly)
    assert anomalies[1] == pytest.approx(sum(1 / number for number in range(1, most + 1)) / most, abs=0.08)


def test_without_decoys_beside_an_anomaly_are_only_others():
    pasting = RandomPasting(Recorder(), 50.0, SIZE, 3, 0, most=3)
    assert all(pasting.plan("walk", (frame, frame, frame), 0).decoy is None for frame in range(100))
