"""What a cut object shows on its way; what is changed in it is in test_self_cut_changes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from films import SIZE, Actor, film, walker
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.anomalies import AnomalySource, MovingObject, SelfCut
from aed_lightning.anomalies.bank import Bank, write_bank
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.self_cut import CHANGES, CutObject
from aed_lightning.core import UsageError, generator
from aed_lightning.core.clip import Sprite

FRAMES = 40
Banks = dict[int, Bank]
ACTOR = walker(slant=10.0, clock=1)
OTHER = Actor(9, 13, lambda frame: (8, 70 - frame), slope=20.0, clock=1)


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Banks:
    folder = tmp_path_factory.mktemp("banks")
    for channels in (1, 3):
        write_bank(folder / str(channels), Cutting(), [("walk", film(FRAMES, ACTOR, OTHER, channels=channels))])
    return {channels: Bank(folder / str(channels)) for channels in (1, 3)}


def source_of(bank: Bank, **options: Any) -> SelfCut:
    source = SelfCut(**options)
    source.use(bank)
    return source


def cut_object(bank: Bank, **fields: Any) -> CutObject:
    """The walker as it walked, but for `fields`; it is the track that begins lower in the frame."""
    track = max(range(len(bank)), key=lambda number: bank.cutout(number, 0).top)
    position = fields.get("position", 10)
    center = bank.cutout(track, position).center
    unchanged = CutObject(
        bank, track, position, SIZE, (float(center[0]), float(center[1])), velocity=(1.0, 0.0), matrix=np.eye(2),
        pace=1.0, gain=np.ones(bank.channels), lift=np.zeros(bank.channels), grade="several",
    )  # fmt: skip
    return replace(unchanged, **fields)


def alpha_in_the_frame(sprite: Sprite, size: tuple[int, int] = SIZE) -> np.ndarray:
    whole = np.zeros(size)
    height, width = sprite.alpha.shape
    whole[sprite.top : sprite.top + height, sprite.left : sprite.left + width] = sprite.alpha / 255
    return whole


def middle_of(sprite: Sprite) -> tuple[float, float]:
    """Center of gravity of the alpha, x and y in the frame."""
    alpha = alpha_in_the_frame(sprite)
    rows, columns = np.indices(alpha.shape)
    return float((columns * alpha).sum() / alpha.sum()), float((rows * alpha).sum() / alpha.sum())


def shown(drawn: CutObject, offset: int) -> int:
    """The frame of the film that the sprite shows, read from the clock in the gray levels."""
    sprite = drawn.sprite(offset)
    inside = sprite.alpha > 250
    return round(float((sprite.image[0][inside] - ACTOR.pixels(0, 1).mean()).mean()))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_unchanged_object_is_what_the_film_showed_where_it_showed_it(banks: Banks, channels: int) -> None:
    drawn = cut_object(banks[channels])
    for offset in (-3, 0, 3):
        sprite = drawn.sprite(offset)
        np.testing.assert_array_equal(alpha_in_the_frame(sprite) > 0.5, ACTOR.inside(10 + offset))
        pixels = ACTOR.pixels(10 + offset, channels)
        np.testing.assert_array_equal(sprite.image[:, sprite.alpha > 127].reshape(pixels.shape), pixels)


def test_the_edge_is_soft_and_the_inside_opaque(banks: Banks) -> None:
    for matrix in (np.eye(2), 2 * np.eye(2)):
        sprite = cut_object(banks[1], matrix=matrix, center=(40.3, 30.7)).sprite(0)
        alpha = sprite.alpha
        assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) < 10
        # Nothing darker than the object comes in from beyond its box.
        assert sprite.image[0][alpha > 20].min() >= 45
        assert ((alpha > 20) & (alpha < 235)).sum() > 20
        assert np.abs(np.diff(alpha.astype(int), axis=1)).max() < 235
        assert (alpha > 250).sum() > 0.3 * (alpha > 20).sum()


def test_an_object_moves_by_its_velocity_between_offsets(banks: Banks) -> None:
    drawn = cut_object(banks[1], velocity=(0.7, -0.4), center=(40.0, 30.0))
    assert drawn.speed == pytest.approx(np.hypot(0.7, 0.4))
    for offset in (-5, -1, 0, 2.5, 6):
        assert middle_of(drawn.sprite(offset)) == pytest.approx((40 + 0.7 * offset, 30 - 0.4 * offset), abs=0.05)


def test_a_matrix_scales_and_turns_the_object_about_its_center(banks: Banks) -> None:
    lying = cut_object(banks[1], matrix=np.array([[0.0, -1.5], [1.5, 0.0]]), center=(50.0, 30.0)).sprite(0)
    alpha = alpha_in_the_frame(lying)
    assert middle_of(lying) == pytest.approx((50, 30), abs=0.05)
    assert alpha.sum() == pytest.approx(1.5**2 * 12 * 8, rel=0.03)
    assert alpha.sum(axis=0).max() == pytest.approx(1.5 * 8, rel=0.03)
    assert alpha.sum(axis=1).max() == pytest.approx(1.5 * 12, rel=0.03)
    # A right angle takes right to down and down to left: what was darkest, above, is at the right.
    inside = lying.image[0].astype(float)[lying.alpha.shape[0] // 2]
    assert inside[-8] < inside[8] - 10


@pytest.mark.parametrize("pace", [0.0, 0.5, 1.0, 2.0])
def test_the_limbs_go_on_at_their_pace_to_the_end_of_the_track_and_back(banks: Banks, pace: float) -> None:
    def walked(position: int, steps: int) -> int:
        heading = 1 if steps > 0 else -1
        for _ in range(abs(steps)):
            if not 0 <= position + heading < FRAMES:
                heading = -heading
            position += heading
        return position

    for position in (0, 10, FRAMES - 1):
        drawn = cut_object(banks[1], position=position, pace=pace, velocity=(0.0, 0.0), center=(50.0, 30.0))
        for offset in (-90, -36, -3, 0, 3, 36, 90):
            assert shown(drawn, offset) == walked(position, round(pace * offset))


def test_gain_and_lift_change_the_gray_levels_and_clip_them(banks: Banks) -> None:
    gain, lift = np.array([0.5, -1.0, 9.0]), np.array([20.0, 60.0, 0.0])
    plain, changed = cut_object(banks[3]).sprite(0), cut_object(banks[3], gain=gain, lift=lift).sprite(0)
    for channel in range(3):
        expected = np.clip(gain[channel] * plain.image[channel] + lift[channel], 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(changed.image[channel], expected)
    assert {0, 255} <= set(changed.image[:, changed.alpha > 127].ravel().tolist())
    np.testing.assert_array_equal(changed.alpha, plain.alpha)


@pytest.mark.parametrize("center", [(2.0, 30.0), (93.5, 30.0), (50.0, 1.0), (50.0, 62.0), (1.0, 1.0), (94.0, 62.0)])
def test_at_the_edge_the_frame_cuts_the_object_and_changes_nothing_else(
    banks: Banks, center: tuple[float, float]
) -> None:
    turned = np.array([[1.2, 0.5], [-0.5, 1.2]])
    cut = cut_object(banks[1], center=center, matrix=turned).sprite(0)
    larger = (SIZE[0] + 60, SIZE[1] + 60)
    free = cut_object(banks[1], center=(center[0] + 30, center[1] + 30), matrix=turned, frame_size=larger).sprite(0)
    alpha = alpha_in_the_frame(free, larger)[30:-30, 30:-30]
    np.testing.assert_allclose(alpha_in_the_frame(cut)[1:-1, 1:-1], alpha[1:-1, 1:-1], atol=0.05)
    image = np.zeros(larger)
    height, width = free.alpha.shape
    image[free.top : free.top + height, free.left : free.left + width] = free.image[0]
    height, width = cut.alpha.shape
    there = image[30:-30, 30:-30][cut.top : cut.top + height, cut.left : cut.left + width]
    np.testing.assert_allclose(cut.image[0], there, atol=1)


@pytest.mark.parametrize("offset", [-200, 200])
def test_an_object_that_has_left_the_frame_gives_an_empty_sprite(banks: Banks, offset: int) -> None:
    for velocity in ((1.0, 0.0), (0.0, 1.0)):
        sprite = cut_object(banks[3], velocity=velocity).sprite(offset)
        assert sprite.image.shape == (3, 0, 0)
        assert sprite.alpha.shape == (0, 0)


def test_the_source_keeps_the_protocols(banks: Banks) -> None:
    assert isinstance(SelfCut(), AnomalySource)
    assert isinstance(source_of(banks[1]).draw(generator(0, "test"), SIZE, 1), MovingObject)


@pytest.mark.parametrize("area_share", [(0.0001, 0.5), (0.4, 0.5)])
def test_a_decoy_is_a_cut_object_as_and_where_it_was_at_its_own_speed(
    banks: Banks, area_share: tuple[float, float]
) -> None:
    source = source_of(banks[1], changes=("recolored",), area_share=area_share)
    mirrored = set()
    for number in range(40):
        drawn = source.draw_decoy(generator(3, "test", frame=number), SIZE, 1)
        cutout, velocity = banks[1].cutout(drawn.track, drawn.position), banks[1].velocity(drawn.track, drawn.position)
        flip = float(drawn.matrix[0, 0])
        mirrored.add(flip)
        np.testing.assert_array_equal(drawn.matrix, np.diag([flip, 1.0]))
        assert drawn.velocity == (flip * velocity[0], velocity[1])
        assert drawn.center == tuple(np.clip(cutout.center, 3, np.array(SIZE[::-1]) - 4))
        assert drawn.pace == 1.0
        assert 0.7 <= float(drawn.gain[0]) <= 1.3
        assert abs(float(drawn.lift[0])) <= 25
    assert mirrored == {1.0, -1.0}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_decoys_that_roam_are_anywhere_a_little_larger_or_smaller(banks: Banks, share: float) -> None:
    source, roamed, sizes = source_of(banks[1], decoys_roam=share), [], []
    for number in range(60):
        drawn = source.draw_decoy(generator(3, "test", frame=number), SIZE, 1)
        cutout, velocity = banks[1].cutout(drawn.track, drawn.position), banks[1].velocity(drawn.track, drawn.position)
        roamed.append(drawn.center != tuple(np.clip(cutout.center, 3, np.array(SIZE[::-1]) - 4)))
        size = float(drawn.matrix[1, 1])
        np.testing.assert_allclose(np.abs(drawn.velocity), size * np.abs(velocity))
        assert drawn.pace == 1.0
        sizes.append(size)
    assert np.mean(roamed) == pytest.approx(share, abs=0.2)
    assert np.array_equal(np.array(sizes) != 1.0, roamed)
    if share == 1.0:
        assert 0.8 <= min(sizes) < 0.9
        assert 1.2 < max(sizes) <= 1.3


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_of_roaming_decoys_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match=r"decoys_roam .* is not between 0 and 1"):
        SelfCut(decoys_roam=share)


def test_a_source_without_a_bank_says_where_it_gets_one() -> None:
    with pytest.raises(UsageError, match=r"SelfCut has no bank: use it in the data module \(data\.anomalies\)"):
        SelfCut().draw(generator(0, "test"), SIZE, 1)


def test_the_same_draw_gives_the_same_pixels_in_any_order(banks: Banks) -> None:
    source = source_of(banks[3], changes=CHANGES)
    for number in range(12):
        first, second = (source.draw(generator(1, "test", frame=number), SIZE, 3) for _ in range(2))
        forward = {offset: first.sprite(offset) for offset in (-3, 0, 3)}
        backward = {offset: second.sprite(offset) for offset in (3, 0, -3)}
        for one, other in [*((forward[k], backward[k]) for k in forward), (forward[0], first.sprite(0.0))]:
            np.testing.assert_array_equal(one.image, other.image)
            np.testing.assert_array_equal(one.alpha, other.alpha)
            assert (one.top, one.left) == (other.top, other.left)


def test_different_draws_differ_and_take_every_track_and_moment(banks: Banks) -> None:
    source = source_of(banks[1], area_share=(0.0001, 0.5))
    drawn = [source.draw(generator(2, "test", frame=number), SIZE, 1) for number in range(400)]
    assert {one.track for one in drawn} == {0, 1}
    assert len({one.position for one in drawn}) == FRAMES
    assert len({float(one.gain[0]) for one in drawn}) == 400


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**40),
    channels=st.sampled_from((1, 3)),
    offset=st.one_of(st.sampled_from((-3, 0, 3)), st.floats(-200, 200)),
)
def test_sprites_are_bytes_inside_the_frame_and_show_something_at_offset_0(
    banks: Banks, seed: int, channels: int, offset: float
) -> None:
    source = source_of(banks[channels], changes=CHANGES, change_share=0.5)
    drawn = source.draw(generator(seed, "test"), SIZE, channels)
    sprite = drawn.sprite(offset)
    height, width = sprite.alpha.shape
    assert sprite.image.shape == (channels, height, width)
    assert sprite.image.dtype == sprite.alpha.dtype == np.uint8
    assert 0 <= sprite.top <= sprite.top + height <= SIZE[0]
    assert 0 <= sprite.left <= sprite.left + width <= SIZE[1]
    assert (height == 0) == (width == 0)
    assert (drawn.sprite(0).alpha > 127).sum() >= 6


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ({"changes": ()}, r"changes \[\]: name one or more of larger, .*recolored"),
        ({"change_share": 1.5}, "change_share 1.5 is not"),
        ({"change_share": -0.5}, "change_share -0.5 is not"),
        ({"area_share": (0.1, 0.01)}, r"area_share is \(0.1, 0.01\)"),
        ({"area_share": (0.0, 0.01)}, r"area_share is \(0.0, 0.01\)"),
        ({"area_share": (0.1, 0.6)}, r"area_share is \(0.1, 0.6\)"),
    ],
)
def test_arguments_that_cannot_be_are_refused_with_their_value(argument: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        SelfCut(**argument)
