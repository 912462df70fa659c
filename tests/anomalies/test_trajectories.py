import numpy as np
import pytest

from aed_lightning.anomalies.trajectories import (
    TRAINING_MOTIONS,
    VALIDATION_MOTIONS,
    Accelerating,
    Arc,
    DrawMotion,
    Growing,
    Motion,
    Zigzag,
    standing,
    turning,
)
from aed_lightning.core import generator

STEP = 1e-5
OFFSETS = np.linspace(-20, 20, 41)


def speed_at(motion: Motion, offset: float) -> float:
    before, after = motion.displacement(offset - STEP), motion.displacement(offset + STEP)
    return float(np.hypot(after[0] - before[0], after[1] - before[1])) / (2 * STEP)


@pytest.mark.parametrize("draw", TRAINING_MOTIONS + VALIDATION_MOTIONS)
def test_every_motion_passes_its_reference_moment_unmoved_and_unscaled(draw: DrawMotion) -> None:
    for seed in range(10):
        motion = draw(generator(seed, "motion"), (1.5, -2.0), 20.0)
        assert motion.displacement(0.0) == pytest.approx((0, 0), abs=1e-12)
        assert motion.scale(0.0) == 1
        assert motion.angle(0.0) == 0
        assert motion.speed == 2.5


@pytest.mark.parametrize("draw", VALIDATION_MOTIONS)
def test_validation_motions_have_their_speed_turn_and_do_not_go_straight(draw: DrawMotion) -> None:
    for seed in range(10):
        motion = draw(generator(seed, "motion"), (1.5, -2.0), 20.0)
        assert speed_at(motion, 0.0) == pytest.approx(2.5, rel=1e-4)
        assert motion.angle(10.0) == pytest.approx(10 * motion.angle(1.0))
        assert abs(motion.angle(1.0)) >= 0.01
        straight_on = np.array([[1.5 * offset, -2.0 * offset] for offset in OFFSETS])
        way = np.array([motion.displacement(offset) for offset in OFFSETS])
        assert np.abs(way - straight_on).max() > 4


@pytest.mark.parametrize("draw", TRAINING_MOTIONS)
def test_training_motions_keep_upright_and_near_the_straight_way(draw: DrawMotion) -> None:
    for seed in range(10):
        motion = draw(generator(seed, "motion"), (1.5, -2.0), 20.0)
        for offset in (-3.0, 3.0):
            assert motion.angle(offset) == 0
            assert motion.displacement(offset) == pytest.approx((1.5 * offset, -2 * offset), abs=2 * 0.06 * 20)
            assert 0.96 < motion.scale(offset) < 1.04


def test_an_arc_keeps_its_distance_from_the_center_of_its_circle() -> None:
    arc = Arc((2.0, 0.0), 0.02, 0.1)
    center = np.array([0.0, 2.0 / 0.1])
    distances = [np.linalg.norm(np.array(arc.displacement(offset)) - center) for offset in OFFSETS]
    np.testing.assert_allclose(distances, 20.0, rtol=1e-9)
    assert speed_at(arc, 13.0) == pytest.approx(2.0)


def test_acceleration_goes_from_slow_to_fast() -> None:
    motion = Accelerating((3.0, 4.0), 0.02, 0.8, 6.0)
    assert speed_at(motion, -60.0) == pytest.approx(5 * 0.2, rel=1e-3)
    assert speed_at(motion, 60.0) == pytest.approx(5 * 1.8, rel=1e-3)


def test_a_zigzag_keeps_its_speed_and_changes_between_two_headings() -> None:
    motion = Zigzag((2.0, 0.0), 0.02, 0.5, 10.0, 0.25)
    headings = []
    for offset in np.arange(-30.0, 30.0, 2.0) + 0.3:
        assert speed_at(motion, offset) == pytest.approx(2.0, rel=1e-4)
        before, after = motion.displacement(offset - STEP), motion.displacement(offset + STEP)
        headings.append(round(float(np.arctan2(after[1] - before[1], after[0] - before[0])), 4))
    assert set(headings) == {0.0, 1.0}
    assert speed_at(motion, 7.4) == pytest.approx(2.0)
    assert motion.displacement(7.5) == pytest.approx((15.0, 0.0))
    assert motion.displacement(9.5) == pytest.approx((15 + 4 * np.cos(1.0), 4 * np.sin(1.0)))


def test_growth_is_by_the_same_factor_each_frame() -> None:
    motion = Growing((1.0, 0.0), 0.01)
    assert motion.scale(5.0) / motion.scale(4.0) == pytest.approx(np.exp(0.01))


def test_stillness_of_training_does_not_turn_and_that_of_validation_does() -> None:
    numbers = generator(0, "still")
    assert standing(numbers).angle(20.0) == 0
    assert turning(numbers).angle(20.0) != 0
    assert standing(numbers).speed == turning(numbers).speed == 0
