from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import SIZE, Actor, film, walker

from aed_lightning.anomalies import (
    AnomalySource,
    Carrying,
    Mixed,
    MovingObject,
    ProceduralTraining,
    ProceduralValidation,
    SelfCut,
)
from aed_lightning.anomalies.bank import Bank, write_bank
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.figures import Figure, Part
from aed_lightning.anomalies.mixed import decoys_of
from aed_lightning.anomalies.moving_object import ProceduralObject
from aed_lightning.anomalies.outlines import disc
from aed_lightning.anomalies.raster import coverage
from aed_lightning.anomalies.self_cut import CutObject
from aed_lightning.anomalies.together import Together
from aed_lightning.core import UsageError, generator
from aed_lightning.core.clip import Sprite


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    folder: Path = tmp_path_factory.mktemp("bank")
    write_bank(folder, Cutting(), [("walk", film(40, walker(), channels=3))])
    return Bank(folder)


def carrying(bank: Bank, things: Any = None, **options: Any) -> Carrying:
    people = SelfCut(area_share=(0.0001, 0.5))
    people.use(bank)
    return Carrying(people, things or ProceduralTraining(), **options)


class Patch:
    """A square of one gray level that never moves."""

    def __init__(self, level: int, alpha: int, top: int, left: int, side: int = 4) -> None:
        image = np.full((3, side, side), level, np.uint8)
        self.shown = Sprite(image, np.full((side, side), alpha, np.uint8), top, left)

    def sprite(self, offset: float) -> Sprite:
        return self.shown


def pasted(frame: np.ndarray, *sprites: Sprite) -> np.ndarray:
    frame = frame.astype(np.float64)
    for sprite in sprites:
        height, width = sprite.alpha.shape
        box = (slice(None), slice(sprite.top, sprite.top + height), slice(sprite.left, sprite.left + width))
        share = sprite.alpha / 255
        frame[box] = (1 - share) * frame[box] + share * sprite.image
    return frame


def on_black(sprite: Sprite) -> np.ndarray:
    return pasted(np.zeros((3, *SIZE), np.uint8), sprite)[0].round()


@pytest.mark.parametrize("alphas", [(255, 255), (200, 90), (0, 130), (60, 0)])
@pytest.mark.parametrize("place", [(3, 5), (1, 1), (20, 30)])
def test_both_in_one_sprite_look_as_one_pasted_over_the_other(alphas: tuple[int, int], place: tuple[int, int]) -> None:
    back, front = Patch(40, alphas[0], 2, 3), Patch(220, alphas[1], *place)
    frame = np.full((3, *SIZE), 120, np.uint8)
    together = Together(back, front, "both").sprite(0)
    np.testing.assert_allclose(pasted(frame, together), pasted(frame, back.shown, front.shown), atol=1.5)


def test_what_has_left_the_frame_leaves_the_other_alone() -> None:
    there, gone = Patch(40, 255, 2, 3), Patch(40, 255, 0, 0, side=0)
    assert Together(there, gone, "both").sprite(0) is there.shown
    assert Together(gone, there, "both").sprite(0) is there.shown


@pytest.mark.parametrize("things", [ProceduralTraining(), ProceduralValidation()])
def test_the_thing_goes_with_the_object_and_is_of_its_size(bank: Bank, things: Any) -> None:
    source = carrying(bank, things)
    fronts = set()
    for number in range(40):
        drawn = source.draw(generator(1, "test", frame=number), SIZE, 3)
        assert isinstance(drawn, MovingObject)
        assert drawn.grade == "carrying"
        carrier, thing = sorted((drawn.back, drawn.front), key=lambda one: type(one).__name__)
        fronts.add(type(drawn.front).__name__)
        assert thing.motion.displacement(5.0) == pytest.approx([5 * speed for speed in carrier.velocity])
        height = bank.cutout(carrier.track, carrier.position).alpha.shape[0]
        assert 0.4 * height <= 2 * max(thing.bounds.half_size) * thing.pixels <= 1.2 * height
        assert abs(thing.center[0] - carrier.center[0]) <= 0.5 * height
        assert 0 <= thing.center[1] - carrier.center[1] <= 0.4 * height
        alone, together = (on_black(one.sprite(0)) for one in (carrier, drawn))
        assert (alone != together).sum() >= 0.05 * carrier.sprite(0).alpha.sum() / 255
    assert fronts == {"CutObject", "ProceduralObject"}


def test_its_people_share_the_bank_of_a_mixture_and_are_its_decoys() -> None:
    source = Carrying(SelfCut(), ProceduralTraining())
    assert isinstance(source, AnomalySource)
    assert decoys_of(Mixed([ProceduralTraining(), source], [1.0, 1.0])) is source.people
    with pytest.raises(UsageError, match="SelfCut has no bank"):
        source.draw(generator(0, "test"), SIZE, 3)


@pytest.mark.parametrize(("share", "hollow"), [(0.0, 0), (1.0, 20), (0.5, None)])
def test_a_share_of_the_things_are_outlines(bank: Bank, share: float, hollow: int | None) -> None:
    source, found = carrying(bank, hollow_share=share), 0
    for number in range(20):
        drawn = source.draw(generator(2, "test", frame=number), SIZE, 3)
        (thing,) = (one for one in (drawn.back, drawn.front) if isinstance(one, ProceduralObject))
        found += all(len(part.contours) > 1 for part in thing.figure.parts)
    assert found == hollow if hollow is not None else 3 < found < 17


def test_a_hollow_figure_keeps_its_outline_and_loses_its_middle() -> None:
    solid = Figure("disc", (Part((disc(20.0, 20.0, 10.0),)),), np.eye(2))
    whole, rim = (coverage(figure.parts_at(0.0), 41, 41) / 255 for figure in (solid, solid.hollow(0.2)))
    assert rim[20, 20] == 0
    assert rim[20, 11] == 1
    assert rim.sum() / whole.sum() == pytest.approx(1 - 0.8**2, abs=0.05)


def test_riders_sit_on_a_cycle_that_goes_with_them_and_their_limbs_rest(bank: Bank) -> None:
    source, ways = carrying(bank, riding_share=1.0), set()
    for number in range(40):
        drawn = source.draw(generator(4, "test", frame=number), SIZE, 3)
        assert drawn.grade == "riding"
        rider, ridden = sorted((drawn.back, drawn.front), key=lambda one: type(one).__name__)
        assert (rider.pace, ridden.figure.kind) == (0.0, "cycle")
        assert ridden.motion.displacement(5.0) == pytest.approx([5 * speed for speed in rider.velocity])
        height = bank.cutout(rider.track, rider.position).alpha.shape[0]
        assert 0.6 <= rider.speed / (bank.brisk * height) <= 2.5
        assert ridden.mirrored == (rider.velocity[0] < 0)
        ways.add(ridden.mirrored)
        wheels_end = ridden.center[1] + ridden.pixels * ridden.bounds.half_size[1]
        feet_end = rider.center[1] + height / 2
        assert 0 <= wheels_end - feet_end <= 0.15 * height + 1e-6
        assert 0.5 * height < 2 * ridden.bounds.half_size[1] * ridden.pixels < height
    assert ways == {False, True}


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_share_of_the_objects_ride(bank: Bank, share: float) -> None:
    source = carrying(bank, riding_share=share)
    grades = [source.draw(generator(5, "test", frame=number), SIZE, 3).grade for number in range(60)]  # type: ignore[attr-defined]
    assert grades.count("riding") == pytest.approx(60 * share, abs=15 * share)


def test_riders_are_one_person(tmp_path: Path) -> None:
    crowd = Actor(12, 30, lambda frame: (40, 10 + frame))
    write_bank(tmp_path, Cutting(), [("crowd", film(40, crowd, channels=3)), ("walk", film(40, walker(), channels=3))])
    bank, found = Bank(tmp_path), []
    for number in range(40):
        drawn = carrying(bank, riding_share=1.0).draw(generator(6, "test", frame=number), SIZE, 3)
        rider = drawn.back if isinstance(drawn.back, CutObject) else drawn.front
        found.append(bank.cutout(rider.track, rider.position).alpha.shape)
    assert np.mean([width < height for height, width in found]) > 0.9


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_of_riders_are_shares(share: float) -> None:
    with pytest.raises(UsageError, match="riding_share is"):
        Carrying(SelfCut(), ProceduralTraining(), riding_share=share)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_of_hollow_things_are_shares(share: float) -> None:
    with pytest.raises(UsageError, match="hollow_share is"):
        Carrying(SelfCut(), ProceduralTraining(), hollow_share=share)


def test_sizes_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(UsageError, match=r"size is \(1.0, 0.5\)"):
        Carrying(SelfCut(), ProceduralTraining(), size=(1.0, 0.5))
