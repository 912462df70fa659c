import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonargparse import ArgumentParser

from aed_lightning.anomalies import AnomalySource, MovingObject, ProceduralTraining, ProceduralValidation
from aed_lightning.anomalies.moving_object import ProceduralObject
from aed_lightning.core import UsageError, generator

Procedural = ProceduralTraining | ProceduralValidation
SOURCES: tuple[Procedural, ...] = (ProceduralTraining(), ProceduralValidation())
NAMES = ("training", "validation")
FRAME = (128, 192)
both_sources = pytest.mark.parametrize("source", SOURCES, ids=NAMES)


def draw(source: Procedural, number: int, size: tuple[int, int] = FRAME, channels: int = 1) -> ProceduralObject:
    drawn = source.draw(generator(7, "test", frame=number), size, channels)
    assert isinstance(drawn, ProceduralObject)
    return drawn


def visible_area(source: Procedural, number: int) -> tuple[float, ProceduralObject]:
    drawn = draw(source, number)
    return float(drawn.sprite(0).alpha.sum()) / 255, drawn


def whole(drawn: ProceduralObject) -> bool:
    sprite = drawn.sprite(0)
    bottom, right = sprite.top + sprite.alpha.shape[0], sprite.left + sprite.alpha.shape[1]
    return sprite.top > 0 and sprite.left > 0 and bottom < drawn.frame_size[0] and right < drawn.frame_size[1]


@both_sources
def test_the_sources_keep_the_protocols(source: Procedural) -> None:
    assert isinstance(source, AnomalySource)
    assert isinstance(draw(source, 0), MovingObject)


@both_sources
def test_a_configuration_can_name_a_source_by_its_class_path(source: Procedural) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--source", type=AnomalySource)
    arguments = {"class_path": f"aed_lightning.anomalies.{type(source).__name__}", "init_args": {"contrast": [6, 7]}}
    parsed = parser.parse_object({"source": arguments}).source
    assert parsed.class_path == arguments["class_path"]
    assert type(source)(**parsed.init_args).ranges.contrast == (6.0, 7.0)


@both_sources
def test_the_same_draw_gives_the_same_pixels_in_any_order(source: Procedural) -> None:
    for number in range(12):
        first, second = draw(source, number, channels=3), draw(source, number, channels=3)
        forward = {offset: first.sprite(offset) for offset in (-3, 0, 3)}
        backward = {offset: second.sprite(offset) for offset in (3, 0, -3)}
        again = first.sprite(0)
        for one, other in [(forward[k], backward[k]) for k in forward] + [(forward[0], again)]:
            np.testing.assert_array_equal(one.image, other.image)
            np.testing.assert_array_equal(one.alpha, other.alpha)
            assert (one.top, one.left) == (other.top, other.left)


@both_sources
def test_different_draws_differ(source: Procedural) -> None:
    centers = {draw(source, number).center for number in range(50)}
    assert len(centers) == 50


@settings(max_examples=120)
@given(
    which=st.sampled_from(range(2)),
    seed=st.integers(0, 2**40),
    height=st.integers(64, 320),
    width=st.integers(64, 640),
    channels=st.sampled_from((1, 3)),
    offset=st.one_of(st.sampled_from((-3.0, 0.0, 3.0)), st.floats(-200, 200)),
)
def test_sprites_lie_inside_the_frame(
    which: int, seed: int, height: int, width: int, channels: int, offset: float
) -> None:
    drawn = SOURCES[which].draw(generator(seed, "test"), (height, width), channels)
    sprite = drawn.sprite(offset)
    h, w = sprite.alpha.shape
    assert sprite.image.shape == (channels, h, w)
    assert sprite.image.dtype == sprite.alpha.dtype == np.uint8
    assert 0 <= sprite.top <= sprite.top + h <= height
    assert 0 <= sprite.left <= sprite.left + w <= width
    assert (h == 0) == (w == 0)


@settings(max_examples=80)
@given(
    which=st.sampled_from(range(2)), seed=st.integers(0, 2**40), height=st.integers(64, 320), width=st.integers(64, 640)
)
def test_no_object_is_empty_or_faint_at_its_reference_moment(which: int, seed: int, height: int, width: int) -> None:
    drawn = SOURCES[which].draw(generator(seed, "test"), (height, width), 1)
    assert isinstance(drawn, ProceduralObject)
    alpha = drawn.sprite(0).alpha
    assert alpha.max() > 160
    assert alpha.sum() / 255 > 6
    assert 0 <= drawn.center[0] <= width - 1
    assert 0 <= drawn.center[1] <= height - 1


def test_an_object_that_has_left_the_frame_gives_an_empty_sprite() -> None:
    movers = [mover for mover in (draw(SOURCES[0], n, channels=3) for n in range(40)) if mover.speed > 1]
    assert movers
    for mover in movers:
        sprite = mover.sprite(400)
        assert sprite.image.shape == (3, 0, 0)
        assert sprite.alpha.shape == (0, 0)


@both_sources
def test_areas_are_the_asked_shares_of_the_frame(source: Procedural) -> None:
    measured = [visible_area(source, number) for number in range(150)]
    shares = np.array([area for area, drawn in measured if whole(drawn)]) / (FRAME[0] * FRAME[1])
    assert len(shares) > 60
    assert shares.min() > 0.9 * 0.002
    assert shares.max() < 1.1 * 0.03
    assert shares.min() < 0.003
    assert shares.max() > 0.02


@both_sources
def test_a_single_share_gives_objects_of_that_area(source: Procedural) -> None:
    exact = type(source)(area_share=(0.01, 0.01))
    measured = [visible_area(exact, number) for number in range(60)]
    areas = np.array([area for area, drawn in measured if whole(drawn)])
    np.testing.assert_allclose(areas, 0.01 * FRAME[0] * FRAME[1], rtol=0.08)


@both_sources
def test_no_object_is_cut_by_more_than_half_at_its_reference_moment(source: Procedural) -> None:
    exact = type(source)(area_share=(0.01, 0.01))
    areas = np.array([visible_area(exact, number)[0] for number in range(100)])
    assert areas.min() > 0.5 * 0.01 * FRAME[0] * FRAME[1]


def test_shapes_textures_and_motions_of_the_sources_are_disjoint() -> None:
    seen: list[tuple[set[str], set[str], set[str]]] = []
    for source in SOURCES:
        objects = [draw(source, number) for number in range(250)]
        kinds = {o.figure.kind for o in objects}, {o.look.texture for o in objects}, {o.motion.kind for o in objects}
        assert [len(kind) for kind in kinds] == ([9, 5, 4] if source is SOURCES[0] else [6, 3, 4])
        seen.append(kinds)
    for of_training, of_validation in zip(*seen, strict=True):
        assert not of_training & of_validation


def test_an_object_moves_by_its_speed_between_offsets() -> None:
    checked = 0
    for number in range(80):
        source = ProceduralTraining(static_share=0.0, speed_share=(0.005, 0.02))
        drawn = draw(source, number)
        if drawn.motion.kind != "straight" or drawn.figure.limbs or not whole(drawn):
            continue
        centroids = []
        for offset in (0, 3):
            sprite = drawn.sprite(offset)
            if not 0 < sprite.top < FRAME[0] - sprite.alpha.shape[0] or not (
                0 < sprite.left < FRAME[1] - sprite.alpha.shape[1]
            ):
                break
            weights = sprite.alpha.astype(float)
            rows, columns = np.indices(weights.shape)
            centroids.append(
                (
                    sprite.left + (columns * weights).sum() / weights.sum(),
                    sprite.top + (rows * weights).sum() / weights.sum(),
                )
            )
        if len(centroids) == 2:
            checked += 1
            moved = np.hypot(*np.subtract(centroids[1], centroids[0]))
            assert moved == pytest.approx(3 * drawn.speed, abs=0.1)
            assert 0.005 * FRAME[0] <= drawn.speed <= 0.02 * FRAME[1]
    assert checked > 5


def test_the_static_share_stands_still() -> None:
    objects = [draw(ProceduralTraining(noise_levels=(0.0, 0.0)), number) for number in range(300)]
    still = [o for o in objects if o.speed == 0]
    assert 0.09 < len(still) / len(objects) < 0.22
    for resting in still:
        before, after = resting.sprite(-3), resting.sprite(3)
        np.testing.assert_array_equal(before.image, after.image)
        np.testing.assert_array_equal(before.alpha, after.alpha)


def test_validation_objects_turn_even_where_they_stay() -> None:
    staying = draw(ProceduralValidation(static_share=1.0, area_share=(0.03, 0.03)), 1)
    assert staying.speed == 0
    assert staying.motion.angle(3.0) != 0


def test_fast_validation_events_stay_in_the_frame() -> None:
    fast = ProceduralValidation(speed_share=(0.01, 0.018), static_share=0.0)
    inside = []
    for drawn in (draw(fast, number) for number in range(120)):
        for offset in np.arange(-20.0, 21.0, 5.0):
            x, y = np.add(drawn.center, drawn.motion.displacement(offset))
            inside.append(0 <= x <= FRAME[1] - 1 and 0 <= y <= FRAME[0] - 1)
    assert np.mean(inside) > 0.97


def test_edges_are_soft_and_the_inside_is_opaque() -> None:
    for source in SOURCES:
        large = type(source)(area_share=(0.03, 0.03))
        for number in range(30):
            alpha = draw(large, number).sprite(0).alpha
            assert ((alpha > 20) & (alpha < 235)).sum() > 10
            opaque = (alpha > 235).sum() / (alpha > 20).sum()
            assert opaque > 0.35
            steps = np.abs(np.diff(alpha.astype(int), axis=1))
            assert steps.max() < 235


def test_gray_objects_have_one_channel_and_many_levels() -> None:
    levels = []
    for number in range(100):
        sprite = draw(SOURCES[0], number).sprite(0)
        assert sprite.image.shape[0] == 1
        levels.append(float(np.median(sprite.image[0][sprite.alpha > 200])))
    assert np.percentile(levels, 10) < 80
    assert np.percentile(levels, 90) > 170


def test_color_objects_are_both_muted_and_saturated() -> None:
    spread = []
    for number in range(100):
        sprite = draw(SOURCES[0], number, channels=3).sprite(0)
        color = np.median(sprite.image[:, sprite.alpha > 200], axis=1)
        spread.append(float(color.max() - color.min()))
    assert np.mean(np.array(spread) < 25) > 0.2
    assert np.mean(np.array(spread) > 60) > 0.1


def test_sensor_noise_is_new_in_each_frame_and_as_strong_as_asked() -> None:
    noisy = ProceduralTraining(
        noise_levels=(4.0, 4.0), static_share=1.0, area_share=(0.03, 0.03), brightness=(100.0, 150.0)
    )
    resting = draw(noisy, 3)
    one, other = (resting.sprite(offset).image.astype(float) for offset in (0, 3))
    assert np.std(one - other) == pytest.approx(4 * np.sqrt(2), rel=0.15)


def test_grades_order_size_and_come_equally_often() -> None:
    objects = [draw(SOURCES[1], number) for number in range(300)]
    counts = {grade: sum(o.grade == grade for o in objects) for grade in ("easy", "medium", "hard")}
    assert sum(counts.values()) == 300
    assert min(counts.values()) > 70
    areas = {grade: np.median([o.sprite(0).alpha.sum() / 255 for o in objects if o.grade == grade]) for grade in counts}
    assert areas["hard"] < areas["medium"] < areas["easy"]
    assert draw(SOURCES[0], 0).grade is None


@pytest.mark.parametrize(
    "argument",
    [
        {"area_share": (0.03, 0.002)},
        {"area_share": (0.0, 0.03)},
        {"speed_share": (0.0, 0.01)},
        {"brightness": (-1.0, 10.0)},
        {"contrast": (10.0, 300.0)},
        {"softness_pixels": (0.0, 1.0)},
        {"noise_levels": (3.0, 1.0)},
        {"static_share": 1.5},
    ],
)
def test_ranges_that_are_none_are_refused_by_name(argument: dict[str, tuple[float, float] | float]) -> None:
    (name,) = argument
    for source in (ProceduralTraining, ProceduralValidation):
        with pytest.raises(UsageError, match=name):
            source(**argument)  # type: ignore[arg-type]
