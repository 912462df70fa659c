import numpy as np
import pytest

from aed_lightning.anomalies.figures import Figure, Limb, Part
from aed_lightning.anomalies.outlines import Outline, capsule, disc, rounded_box, superellipse, turn
from aed_lightning.anomalies.raster import coverage, measure, paint
from aed_lightning.anomalies.training_shapes import TRAINING_SHAPES
from aed_lightning.anomalies.validation_shapes import VALIDATION_SHAPES, ring
from aed_lightning.core import generator


def shoelace(outline: Outline) -> float:
    x, y = outline.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (disc(3.0, -2.0, 2.0), np.pi * 4),
        (superellipse(0.0, 0.0, 3.0, 1.0), np.pi * 3),
        (superellipse(0.0, 0.0, 1.0, 1.0, 4.0), 3.708),
        (capsule((1.0, 1.0), (4.0, 5.0), 0.5), 5 * 1.0 + np.pi * 0.25),
        (rounded_box(1.0, 1.0, 2.0, 1.0, 0.5), 8 - (4 - np.pi) * 0.25),
    ],
)
def test_outlines_enclose_the_area_of_their_formula(outline: Outline, area: float) -> None:
    assert shoelace(outline) == pytest.approx(area, rel=0.02)


def test_a_capsule_stays_within_its_radius_of_the_segment() -> None:
    outline = capsule((0.0, 0.0), (3.0, 0.0), 1.0)
    nearest = np.stack([np.clip(outline[:, 0], 0, 3), np.zeros(len(outline))], axis=1)
    np.testing.assert_allclose(np.linalg.norm(outline - nearest, axis=1), 1.0, atol=1e-12)


def test_coverage_adds_up_to_the_area_at_any_place_between_pixels() -> None:
    for shift in (0.0, 0.3, 0.77):
        for radius in (2.3, 6.0):
            covered = coverage([Part((disc(12.0 + shift, 11.0 - shift, radius),))], 24, 26)
            assert 0.97 * np.pi * radius**2 < covered.sum() / 255 < np.pi * (radius + 0.15) ** 2
            rows, columns = np.indices(covered.shape)
            weights = covered / covered.sum()
            assert (columns * weights).sum() == pytest.approx(12 + shift, abs=0.1)
            assert (rows * weights).sum() == pytest.approx(11 - shift, abs=0.1)


def test_the_hole_of_a_ring_is_open() -> None:
    figure = ring(generator(0, "ring"))
    parts = figure.parts_at(0.0, np.eye(2) * 12, np.array([20.0, 20.0]))
    covered = coverage(parts, 40, 40)
    assert covered[20, 20] == 0
    assert covered.max() == 255


def test_parts_overlap_without_canceling() -> None:
    covered = coverage([Part((disc(10.0, 10.0, 5.0),)), Part((disc(12.0, 10.0, 5.0),))], 20, 24)
    assert covered[10, 11] == 255


def test_paint_gives_each_part_its_color_and_later_parts_lie_on_top() -> None:
    palette = np.array([[200.0, 0.0, 0.0], [0.0, 0.0, 90.0]])
    painted = paint([Part((disc(8.0, 10.0, 5.0),), 0), Part((disc(16.0, 10.0, 5.0),), 1)], palette, 20, 26)
    assert painted[10, 6].tolist() == [200, 0, 0]
    assert painted[10, 12].tolist() == [0, 0, 90]


def test_measure_finds_area_and_bounds_of_overlapping_parts_once() -> None:
    parts = (Part((disc(1.0, 0.0, 1.0),)), Part((disc(1.0, 0.0, 0.5),)))
    area, bounds = measure(Figure("two discs", parts, np.diag([2.0, 1.0])))
    assert area == pytest.approx(2 * np.pi, rel=0.04)
    assert bounds.middle == pytest.approx((2.0, 0.0))
    assert bounds.half_size == pytest.approx((2.0, 1.0))


def test_limbs_hang_from_their_joint_and_swing_back_after_a_period() -> None:
    limb = Limb((1.0, 2.0), 3.0, 0.1, 0.0, 0.5, 0.0)
    figure = Figure("pendulum", (), np.eye(2), (limb,), period=16.0)
    tips = [figure.parts_at(offset)[0].contours[0][:, 0].mean() for offset in (0.0, 4.0, 12.0, 16.0)]
    assert tips[0] == pytest.approx(1.0)
    assert tips[1] - 1.0 == pytest.approx(1.5 * np.sin(0.5))
    assert tips[2] - 1.0 == pytest.approx(-1.5 * np.sin(0.5))
    assert tips[3] == pytest.approx(tips[0])


def test_a_turn_of_a_right_angle_takes_right_to_down() -> None:
    np.testing.assert_allclose(turn(np.pi / 2) @ [1.0, 0.0], [0.0, 1.0], atol=1e-12)


@pytest.mark.parametrize("shape", TRAINING_SHAPES + VALIDATION_SHAPES)
def test_every_shape_fills_a_fair_part_of_its_box(shape) -> None:  # type: ignore[no-untyped-def]
    for seed in range(15):
        area, bounds = measure(shape(generator(seed, "shape")))
        box = 4 * bounds.half_size[0] * bounds.half_size[1]
        assert 0.1 < area / box <= 1.05
        assert max(bounds.half_size) / min(bounds.half_size) < 9


def test_training_outlines_are_round_and_validation_outlines_have_corners() -> None:
    def sharpest(figure: Figure) -> float:
        turns = []
        for part in figure.parts:
            for contour in part.contours:
                edges = np.roll(contour, -1, axis=0) - contour
                edges = edges[np.linalg.norm(edges, axis=1) > 1e-6]
                headings = np.arctan2(edges[:, 1], edges[:, 0])
                bends = np.angle(np.exp(1j * (np.roll(headings, -1) - headings)))
                turns.append(np.abs(bends).max())
        return float(max(turns))

    for seed in range(10):
        assert all(sharpest(shape(generator(seed, "corner"))) < 1.1 for shape in TRAINING_SHAPES)
        cornered = [shape for shape in VALIDATION_SHAPES if shape is not ring]
        assert all(sharpest(shape(generator(seed, "corner"))) > 0.6 for shape in cornered)
