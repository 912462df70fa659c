import numpy as np
import pytest

from aed_lightning.anomalies import UBnormalObjects
from aed_lightning.anomalies.annotated import ObjectCutting, cut_annotated
from aed_lightning.anomalies.bank import Bank, write_cuts
from aed_lightning.anomalies.cutting import CutVideo
from aed_lightning.core import DataError, UsageError, generator

SIZE, NATIVE = (24, 32), (48, 64)
RED = (200, 40, 10)
GRAY = 84  # of RED: 0.299 * 200 + 0.587 * 40 + 0.114 * 10
EVERYTHING = ObjectCutting(least_pixels=1, most_share=0.5, shortest=2)


def square(frame: int, side: int = 6) -> np.ndarray:
    """A square at native size that goes right, one pixel of the small frame each frame."""
    mask = np.zeros(NATIVE, bool)
    mask[10 : 10 + 2 * side, 4 + 2 * frame : 4 + 2 * frame + 2 * side] = True
    return mask


def video(frames: int = 10, hidden: tuple[int, ...] = (), side: int = 6, channels: int = 3) -> list:
    shots = []
    for frame in range(frames):
        image = np.full((channels, *SIZE), 255, np.uint8)
        mask = square(frame, side)
        image[:, mask[::2, ::2]] = np.array(RED[:channels])[:, None]
        shots.append((image, {} if frame in hidden else {0: mask}))
    return shots


def bank_of(folder, shots: list, cutting: ObjectCutting = EVERYTHING) -> Bank:
    tracks, covered = cut_annotated(shots, cutting)
    cut = CutVideo("abnormal", shots[0][0].shape[0], iter(tracks), covered, len(shots))
    write_cuts(folder, cutting, [cut], nothing="nothing in {videos} videos", everything="too much")
    return Bank(folder)


def source(bank: Bank, **options) -> UBnormalObjects:
    objects = UBnormalObjects(**options)
    objects.use(bank)
    return objects


def test_an_object_is_its_pixels_and_nothing_of_what_is_behind_it():
    (track,), _ = cut_annotated(video(), EVERYTHING)
    for frame, cutout in enumerate(track):
        assert (cutout.top, cutout.left, cutout.alpha.shape) == (4, 1 + frame, (8, 8))
        assert np.array_equal(np.argwhere(cutout.alpha).min(0), [1, 1])
        assert cutout.alpha.sum() == 36 * 255
        assert np.abs(cutout.image.astype(int) - GRAY).max() <= 1


def test_colors_can_be_kept_and_gray_video_stays_gray():
    keep = ObjectCutting(least_pixels=1, most_share=0.5, shortest=2, color="keep")
    (track,), _ = cut_annotated(video(), keep)
    assert np.abs(track[0].image.astype(int) - np.array(RED)[:, None, None]).max() <= 1
    (track,), _ = cut_annotated(video(channels=1), EVERYTHING)
    assert track[0].image.shape == (1, 8, 8)
    assert np.abs(track[0].image.astype(int) - RED[0]).max() <= 1


def test_an_object_is_softened_inside_by_its_own_pixels():
    image = np.zeros((1, *SIZE), np.uint8)
    mask = square(0)
    image[0, 5:11, 2:5], image[0, 5:11, 5:8] = 100, 180
    (track,), _ = cut_annotated([(image, {0: mask})] * 2, EVERYTHING)
    row = track[0].image[0, 3].astype(int)
    assert (row[:2].tolist(), row[-2:].tolist()) == ([100, 100], [180, 180])
    assert np.all(np.diff(row) >= 0)
    assert 100 < row[3] < row[4] < 180


@pytest.mark.parametrize(("least", "tracks"), [(144, 1), (145, 0)])
def test_objects_below_the_least_number_of_pixels_of_their_video_are_left_out(least, tracks):
    cutting = ObjectCutting(least_pixels=least, most_share=0.5, shortest=2)
    assert len(cut_annotated(video(), cutting)[0]) == tracks


@pytest.mark.parametrize(("share", "tracks"), [(36 / 768, 1), (35.9 / 768, 0)])
def test_objects_above_the_share_of_the_frame_are_left_out(share, tracks):
    cutting = ObjectCutting(least_pixels=1, most_share=share, shortest=2)
    assert len(cut_annotated(video(), cutting)[0]) == tracks


@pytest.mark.parametrize(("shortest", "lengths"), [(2, [3, 6]), (4, [6]), (7, [])])
def test_a_track_ends_where_its_object_is_hidden_and_short_ones_are_left_out(shortest, lengths):
    cutting = ObjectCutting(least_pixels=1, most_share=0.5, shortest=shortest)
    tracks, covered = cut_annotated(video(hidden=(3,)), cutting)
    assert [len(track) for track in tracks] == lengths
    assert covered[5:11, 11].tolist() == [6] * 6
    assert covered[5:11, 7].tolist() == [5] * 6  # the hidden one of six


def test_an_object_is_pasted_at_its_own_place_and_goes_its_own_way(tmp_path):
    moving = source(bank_of(tmp_path, video())).draw(generator(1, "draw"), SIZE, 3)
    assert moving.shift == (0, 0)
    assert not moving.mirrored
    for offset in (-moving.position, 0, 9 - moving.position):
        sprite = moving.sprite(offset)
        solid = np.argwhere(sprite.alpha > 127) + np.array([sprite.top, sprite.left])
        assert np.array_equal(solid, np.argwhere(square(moving.position + offset)[::2, ::2]))
        assert sprite.alpha.max() == 255
        assert 0 < sprite.alpha.min() + sprite.alpha[0, 1] < 255


def test_an_object_that_the_frame_cuts_is_solid_at_the_frames_edge(tmp_path):
    mask = np.zeros(NATIVE, bool)
    mask[10:22, :12] = True
    shots = [(np.full((3, *SIZE), 90, np.uint8), {0: mask})] * 3
    sprite = source(bank_of(tmp_path, shots)).draw(generator(1, "draw"), SIZE, 3).sprite(0)
    assert (sprite.left, sprite.alpha.shape) == (0, (8, 7))
    assert sprite.alpha[2:6, 0].tolist() == [255] * 4


def test_beyond_its_ends_a_track_is_shown_backward(tmp_path):
    moving = source(bank_of(tmp_path, video())).draw(generator(1, "draw"), SIZE, 3)
    end = 9 - moving.position
    for beyond in (1, 4, 9):
        assert moving.sprite(end + beyond).left == moving.sprite(end - beyond).left
    assert moving.sprite(18).left == moving.sprite(0).left


def test_shifted_objects_stay_in_the_frame_and_flipped_ones_go_the_other_way(tmp_path):
    bank = bank_of(tmp_path, video())
    tops, steps = set(), set()
    shifting = source(bank, shift=True, flip=True)
    for number in range(60):
        moving = shifting.draw(generator(number, "draw"), SIZE, 3)
        sprite = moving.sprite(0)
        assert sprite.alpha.shape == (8, 8)
        assert 0 <= sprite.top <= 16
        assert 0 <= sprite.left <= 24
        tops.add(sprite.top)
        after = moving.sprite(1)
        if moving.position < 9 and after.alpha.shape == (8, 8):
            steps.add((moving.mirrored, after.left - sprite.left))
    assert len(tops) > 10
    assert steps == {(False, 1), (True, -1)}


def test_a_sprite_never_leaves_the_frame(tmp_path):
    bank = bank_of(tmp_path, video())
    shifting = source(bank, shift=True)
    for number in range(40):
        moving = shifting.draw(generator(number, "draw"), SIZE, 3)
        for offset in range(-12, 13):
            sprite = moving.sprite(offset)
            height, width = sprite.alpha.shape
            assert sprite.image.shape == (3, height, width)
            assert 0 <= sprite.top <= SIZE[0] - height
            assert 0 <= sprite.left <= SIZE[1] - width


def test_the_same_numbers_draw_the_same_object(tmp_path):
    bank = bank_of(tmp_path, video())
    options = {"shift": True, "flip": True}
    first, second = (source(bank, **options).draw(generator(7, "draw"), SIZE, 3) for _ in range(2))
    assert np.array_equal(first.sprite(3).image, second.sprite(3).image)
    assert (first.sprite(3).top, first.sprite(3).left) == (second.sprite(3).top, second.sprite(3).left)


def test_without_anything_of_a_size_to_paste_the_message_is_the_callers(tmp_path):
    with pytest.raises(DataError, match="nothing in 1 videos"):
        bank_of(tmp_path, video(hidden=tuple(range(10))))


def test_without_a_bank_nothing_is_drawn():
    with pytest.raises(UsageError, match="UBnormalObjects has no bank"):
        UBnormalObjects().draw(generator(0, "draw"), SIZE, 3)


@pytest.mark.parametrize("option", [{"least_pixels": 0}, {"most_share": 0.0}, {"most_share": 0.6}, {"shortest": 1}])
def test_bounds_that_cannot_be_meant_are_refused(option):
    with pytest.raises(UsageError, match=rf"UBnormalObjects: {next(iter(option))} is "):
        UBnormalObjects(**option)


def test_what_is_pasted_may_be_written_to_and_the_bank_may_not(tmp_path):
    """Torch makes tensors of sprites without a copy, and those of read-only memory are undefined."""
    bank = bank_of(tmp_path, video())
    drawn = source(bank).draw(generator(1, "draw"), SIZE, 3)
    assert drawn.sprite(0).image.flags.writeable
    assert not bank.cutout(0, 0).image.flags.writeable
