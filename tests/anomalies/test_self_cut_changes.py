"""Every change makes of a walker what its name says, and leaves the rest as it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import SIZE, Actor, film, walker

from aed_lightning.anomalies import SelfCut
from aed_lightning.anomalies.bank import Bank, write_bank
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.self_cut import CHANGES, Change, CutObject
from aed_lightning.core import UsageError, generator
from aed_lightning.core.clip import Sprite

ACTOR = walker(clock=1)
HEIGHT, WIDTH = 12, 8


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder, Cutting(), [("walk", film(40, ACTOR, channels=3))])
    return Bank(folder)


def draws(bank: Bank, *changes: Change, number: int = 80, **options: Any) -> list[CutObject]:
    source = SelfCut(changes=changes, **options)
    source.use(bank)
    return [source.draw(generator(3, "test", frame=frame), SIZE, bank.channels) for frame in range(number)]


def size_of(sprite: Sprite) -> tuple[float, float]:
    """Height and width of a box that stands upright."""
    return float(sprite.alpha.sum(axis=0).max()) / 255, float(sprite.alpha.sum(axis=1).max()) / 255


def area_of(sprite: Sprite) -> float:
    return float(sprite.alpha.sum()) / 255


def velocity_of(drawn: CutObject) -> np.ndarray:
    """Measured between the frames before and after, x and y in pixels a frame."""
    middles = []
    for offset in (-1, 1):
        sprite = drawn.sprite(offset)
        rows, columns = np.indices(sprite.alpha.shape)
        weights = sprite.alpha / sprite.alpha.sum(dtype=float)
        middles.append([sprite.left + (columns * weights).sum(), sprite.top + (rows * weights).sum()])
    return np.subtract(middles[1], middles[0]) / 2


def gray_of(drawn: CutObject, offset: int) -> float:
    """Mean gray level of the inside before its light was changed; the walker's grows by one a frame."""
    sprite = drawn.sprite(offset)
    return float((sprite.image[0][sprite.alpha > 250].mean() + 0.5 - drawn.lift[0]) / drawn.gain[0])


def assert_at_its_place(drawn: CutObject) -> None:
    assert drawn.center == pytest.approx(drawn.bank.cutout(drawn.track, drawn.position).center)


def assert_walks_on(drawn: CutObject) -> None:
    """As it walked, or mirrored; its limbs too."""
    assert np.abs(velocity_of(drawn)) == pytest.approx([1, 0], abs=0.05)
    if 1 <= drawn.position <= 38:
        assert gray_of(drawn, 1) - gray_of(drawn, -1) == pytest.approx(2, abs=0.8)


def test_larger_objects_have_one_and_a_half_to_two_and_a_half_times_the_size(bank: Bank) -> None:
    factors = []
    for drawn in draws(bank, "larger"):
        height, width = size_of(drawn.sprite(0))
        assert height / HEIGHT == pytest.approx(width / WIDTH, rel=0.05)
        factors.append(np.sqrt(area_of(drawn.sprite(0)) / (HEIGHT * WIDTH)))
        assert_at_its_place(drawn)
        assert_walks_on(drawn)
    assert 1.47 < min(factors) < 1.7
    assert 2.3 < max(factors) < 2.53


def test_smaller_objects_have_four_to_six_and_a_half_tenths_of_the_size(bank: Bank) -> None:
    factors = []
    for drawn in draws(bank, "smaller"):
        factors.append(np.sqrt(area_of(drawn.sprite(0)) / (HEIGHT * WIDTH)))
        assert_at_its_place(drawn)
        assert np.abs(velocity_of(drawn)) == pytest.approx([1, 0], abs=0.05)
    assert 0.35 < min(factors) < 0.45
    assert 0.6 < max(factors) < 0.7


def test_faster_objects_go_their_way_faster_than_nearly_all_and_their_limbs_too(bank: Bank) -> None:
    speeds, paces = [], []
    for drawn in draws(bank, "faster", number=200):
        velocity = velocity_of(drawn)
        assert velocity[1] == pytest.approx(0, abs=0.05)
        speeds.append(abs(velocity[0]))
        assert drawn.speed == pytest.approx(speeds[-1], abs=0.05)
        assert area_of(drawn.sprite(0)) == pytest.approx(HEIGHT * WIDTH, rel=0.05)
        assert_at_its_place(drawn)
        if 8 <= drawn.position <= 31:
            paces.append((gray_of(drawn, 3) - gray_of(drawn, -3)) / 6)
    assert 1.15 < min(speeds) < 1.4
    assert 3.3 < max(speeds) < 3.55
    assert 0.75 < min(paces) < 1.3
    assert 2.2 < max(paces) < 2.75


def test_gliding_objects_are_fast_and_their_limbs_rest(bank: Bank) -> None:
    for changes in (("gliding",), ("gliding", "faster")):
        for drawn in draws(bank, *changes, number=40, change_share=1.0):  # type: ignore[arg-type]
            assert 1.15 < abs(velocity_of(drawn)[0]) < 3.55
            for offset in (-3, 3):
                assert gray_of(drawn, offset) == pytest.approx(gray_of(drawn, 0), abs=0.8)


def test_stiff_objects_go_their_way_as_they_did_and_their_limbs_rest(bank: Bank) -> None:
    for drawn in draws(bank, "stiff"):
        assert np.abs(velocity_of(drawn)) == pytest.approx([1, 0], abs=0.05)
        assert_at_its_place(drawn)
        for offset in (-3, 3):
            assert gray_of(drawn, offset) == pytest.approx(gray_of(drawn, 0), abs=0.8)


def test_what_is_stiff_and_fast_is_fast(bank: Bank) -> None:
    for drawn in draws(bank, "stiff", "faster", number=40, change_share=1.0):
        assert 1.2 <= drawn.speed <= 3.5
        assert drawn.pace == 0


def test_fast_objects_are_faster_than_normal_ones_of_their_size_whatever_their_own_speed(tmp_path: Path) -> None:
    slow, brisk = Actor(12, 8, lambda frame: (40, 10 + frame // 2)), walker(top=10, height=24)
    write_bank(tmp_path, Cutting(), [("slow", film(80, slow)), *(("brisk", film(80, brisk)) for _ in range(9))])
    bank = Bank(tmp_path)
    assert len(bank) == 10
    assert bank.brisk == pytest.approx(1 / 24)
    for drawn in draws(bank, "faster", number=200):
        assert 1.2 <= drawn.speed / (bank.brisk * bank.cutout(drawn.track, 0).alpha.shape[0]) <= 3.5
        assert drawn.velocity[1] == pytest.approx(0, abs=1e-9)


def test_what_stands_gets_a_way_to_either_side_when_it_must_be_fast(tmp_path: Path) -> None:
    comes = Actor(12, 8, lambda frame: (20, 20 if frame > 25 else 200))
    write_bank(tmp_path, Cutting(), [("comes", film(40, comes)), *(("walk", film(40, ACTOR)) for _ in range(3))])
    bank = Bank(tmp_path)
    assert len(bank) == 4
    assert (bank.cutout(0, 0).center == bank.cutout(0, bank.length(0) - 1).center).all()
    velocities = np.array([drawn.velocity for drawn in draws(bank, "faster", number=200) if drawn.track == 0])
    assert len(velocities) > 30
    assert np.abs(velocities[:, 1]).max() == 0
    assert np.abs(velocities[:, 0]).min() >= 1.2 * 12 * bank.brisk
    assert (velocities[:, 0] > 0).any()
    assert (velocities[:, 0] < 0).any()


def test_what_stood_rolls_at_a_strolls_speed_when_it_is_stiff(tmp_path: Path) -> None:
    comes = Actor(12, 8, lambda frame: (20, 20 if frame > 25 else 200))
    write_bank(tmp_path, Cutting(), [("comes", film(40, comes)), *(("walk", film(40, ACTOR)) for _ in range(3))])
    bank = Bank(tmp_path)
    speeds = [drawn.speed / (12 * bank.brisk) for drawn in draws(bank, "stiff", number=200) if drawn.track == 0]
    assert 0.5 <= min(speeds) < max(speeds) <= 1.1


def test_fast_objects_are_cut_from_whoever_turns_round_too(tmp_path: Path) -> None:
    turns = Actor(12, 8, lambda frame: (40, 80 - abs(40 - frame)))
    write_bank(tmp_path, Cutting(), [("turns", film(81, turns))])
    for drawn in draws(Bank(tmp_path), "faster", number=200):
        assert 1.2 <= drawn.speed <= 3.5


def test_shrunk_or_enlarged_objects_are_fast_for_the_height_that_was_normal_there(bank: Bank) -> None:
    for change in ("smaller", "larger"):
        for drawn in draws(bank, change, "faster", change_share=1.0):  # type: ignore[arg-type]
            assert 1.2 <= drawn.speed <= 3.5


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """A box that comes and goes without a way: nothing to be faster than."""
    folder = tmp_path_factory.mktemp("standing")
    write_bank(folder, Cutting(), [("blink", film(40, Actor(12, 8, lambda frame: (40, 20 if frame > 21 else 200))))])
    return Bank(folder)


def test_where_nothing_moves_on_other_changes_are_made(standing: Bank) -> None:
    for share in (0.0, 0.5, 1.0):
        for drawn in draws(standing, "faster", "gliding", "larger", change_share=share):
            assert drawn.speed == 0
            assert abs(np.linalg.det(drawn.matrix)) > 2


def test_where_nothing_moves_on_a_source_that_only_makes_faster_is_refused(standing: Bank) -> None:
    for changes in (("faster",), ("gliding", "faster")):
        with pytest.raises(UsageError, match=r"changes \['.*'\]: what was cut hardly .* name other changes"):
            SelfCut(changes=changes).use(standing)


def test_turned_objects_lie_or_stand_on_their_head(bank: Bank) -> None:
    angles, still = [], []
    for drawn in draws(bank, "turned", number=200):
        sprite = drawn.sprite(0)
        rows, columns = np.nonzero(sprite.alpha > 250)
        terms = np.stack([columns, rows, np.ones(len(rows))], axis=1)
        slope = np.linalg.lstsq(terms, sprite.image[0][rows, columns].astype(float), rcond=None)[0]
        # The walker is brighter below: upright, the slope points down.
        angles.append(abs(float(np.arctan2(slope[0], slope[1]))))
        assert area_of(sprite) == pytest.approx(HEIGHT * WIDTH, rel=0.05)
        still.append(drawn.speed == 0)
        assert still[-1] or abs(velocity_of(drawn)[0]) == pytest.approx(1, abs=0.05)
        if still[-1]:
            np.testing.assert_array_equal(drawn.sprite(-3).image, drawn.sprite(3).image)
    assert 0.85 < min(angles) < 1.1
    assert max(angles) > 3.0
    assert 0.35 < np.mean(still) < 0.65


def test_stretched_objects_are_wider_and_as_high_or_flatter(bank: Bank) -> None:
    wider, flatter = [], []
    for drawn in draws(bank, "stretched", number=120):
        height, width = size_of(drawn.sprite(0))
        wider.append(width / WIDTH)
        if height == pytest.approx(HEIGHT, rel=0.05):
            flatter.append(False)
        else:
            flatter.append(True)
            assert height / HEIGHT == pytest.approx((width / WIDTH) ** -0.5, rel=0.05)
        assert_at_its_place(drawn)
        assert_walks_on(drawn)
    assert 1.55 < min(wider) < 1.75
    assert 2.45 < max(wider) < 2.65
    assert 0.15 < np.mean(flatter) < 0.45


def feet(drawn: Iterator[CutObject] | list[CutObject]) -> Iterator[tuple[int, int]]:
    """Row and column of the lowest pixels' middle."""
    for one in drawn:
        sprite = one.sprite(0)
        rows, columns = np.nonzero(sprite.alpha > 127)
        yield sprite.top + int(rows.max()), sprite.left + round(float(columns[rows == rows.max()].mean()))


def test_objects_elsewhere_have_their_feet_where_nobody_stands(bank: Bank) -> None:
    assert bank.stood.mean() == pytest.approx(1)
    stood = bank.stood > 0
    assert stood[50:52, 20:67].all()
    assert stood.sum() == 2 * 47  # not where only bodies are
    # A row more or less is a matter of rounding.
    stood[50] = False
    for changes in (("elsewhere",), ("elsewhere", "larger")):
        drawn = draws(bank, *changes, number=200, change_share=1.0)  # type: ignore[arg-type]
        places = list(feet(drawn))
        assert not any(stood[place] for place in places)
        assert len(set(places)) > 150
        assert 0.35 < np.mean([one.speed == 0 for one in drawn]) < 0.65


def test_a_small_place_where_nobody_stands_is_found_and_without_one_any_place_is_taken(bank: Bank) -> None:
    busy = Bank(bank.folder)
    busy.stood = np.full(SIZE, 0.5)
    centers = np.array([drawn.center for drawn in draws(busy, "elsewhere")])
    assert (np.ptp(centers, axis=0) > 0.7 * np.array(SIZE[::-1])).all()
    assert (centers >= 3).all()
    assert (centers <= np.array(SIZE[::-1]) - 4).all()
    busy.stood[30, 50] = 0.01
    assert set(feet(draws(busy, "elsewhere"))) <= {(row, column) for row in (29, 30, 31) for column in (49, 50, 51)}


def test_recolored_objects_have_another_light_in_each_channel_and_others_one_in_all(bank: Bank) -> None:
    plain = {frame: ACTOR.pixels(frame, 3).astype(float) for frame in range(40)}
    negative = []
    for change in ("larger", "recolored"):
        for drawn in draws(bank, change, area_share=(0.0001, 0.5)):  # type: ignore[arg-type]
            one_light = len(set(drawn.gain.tolist())) == len(set(drawn.lift.tolist())) == 1
            assert one_light == (change == "larger")
            if change == "larger":
                assert 0.7 <= drawn.gain[0] <= 1.3
                assert -25 <= drawn.lift[0] <= 25
                continue
            sprite = drawn.sprite(0)
            inside = sprite.image[:, sprite.alpha > 127].reshape(3, HEIGHT, WIDTH)
            light = drawn.gain[:, None, None] * plain[drawn.position] + drawn.lift[:, None, None]
            np.testing.assert_array_equal(inside, np.clip(light, 0, 255).astype(np.uint8))
            negative.append((drawn.gain < 0).any())
            assert_walks_on_in_space(drawn)
    assert 0.5 < np.mean(negative) < 1


def assert_walks_on_in_space(drawn: CutObject) -> None:
    assert_at_its_place(drawn)
    assert np.abs(velocity_of(drawn)) == pytest.approx([1, 0], abs=0.05)


def test_half_of_the_objects_are_mirrored_with_their_way(tmp_path: Path) -> None:
    write_bank(tmp_path, Cutting(), [("walk", film(40, walker(slope=0.0, slant=30.0)))])
    mirrored = []
    for drawn in draws(Bank(tmp_path), "larger", number=200):
        sprite = drawn.sprite(0)
        row = sprite.image[0, sprite.alpha.shape[0] // 2].astype(float)
        darker_ahead = row[2 * len(row) // 3] < row[len(row) // 3]
        assert darker_ahead == (drawn.velocity[0] < 0)
        mirrored.append(darker_ahead)
    assert 0.35 < np.mean(mirrored) < 0.65


def test_change_share_says_how_likely_each_change_is_and_none_leaves_one(bank: Bank) -> None:
    def found(share: float) -> list[tuple[bool, bool]]:
        drawn = draws(bank, "larger", "gliding", number=400, change_share=share)
        return [(abs(np.linalg.det(one.matrix)) > 1.1, one.pace == 0) for one in drawn]

    assert set(found(0.0)) == {(True, False), (False, True)}
    assert set(found(1.0)) == {(True, True)}
    half = found(0.5)
    assert (False, False) not in half
    assert 0.18 < np.mean([large and gliding for large, gliding in half]) < 0.32


def test_only_the_changes_that_are_named_happen(bank: Bank) -> None:
    for change in CHANGES:
        for drawn in draws(bank, change, number=20, change_share=0.5):
            grown = abs(np.linalg.det(drawn.matrix)) != pytest.approx(1)
            assert grown == (change in ("larger", "smaller", "stretched"))
            assert (drawn.speed > 1.1) == (change in ("faster", "gliding"))
            assert np.allclose(abs(drawn.matrix), np.diag(np.diag(abs(drawn.matrix)))) == (change != "turned")


def test_boxes_are_of_the_asked_shares_of_the_frame(bank: Bank) -> None:
    for bounds in ((0.004, 0.01), (0.03, 0.05)):
        drawn = draws(bank, *CHANGES, area_share=bounds)
        areas = np.array([abs(np.linalg.det(one.matrix)) * HEIGHT * WIDTH for one in drawn])
        shares = areas / (SIZE[0] * SIZE[1])
        assert bounds[0] * 0.999 <= shares.min()
        assert shares.max() <= bounds[1] * 1.001


def test_the_bounds_undo_no_change_where_another_object_fits(tmp_path: Path) -> None:
    small, large = walker(top=8, height=6, width=6), walker(left=15, top=38, height=20, width=16)
    write_bank(tmp_path, Cutting(), [("pair", film(40, small, large))])
    bank = Bank(tmp_path)
    for change, height, low, high in (("larger", 6, 1.5, 2.5), ("smaller", 20, 0.4, 0.65)):
        for drawn in draws(bank, change, area_share=(0.007, 0.1), number=40):  # type: ignore[arg-type]
            assert drawn.bank.cutout(drawn.track, drawn.position).alpha.shape[0] == height
            assert low <= np.sqrt(abs(np.linalg.det(drawn.matrix))) <= high
