import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from films import SIZE, Actor, cut_tracks, film, scene, walker

from aed_lightning.anomalies.bank import COLUMNS, VERSION, Bank, bank_name, write_bank
from aed_lightning.anomalies.cutting import Cutout, Cutting
from aed_lightning.core import DataError

CUTTING = Cutting()
NAME = ("walk", "a1"), ("run", "b2")


def videos(channels: int = 1) -> list[tuple[str, np.ndarray]]:
    walk = film(24, walker(slant=8.0, clock=1), walker(top=10, height=6, width=5), channels=channels)
    return [("walk", walk), ("run", film(40, walker(left=8, speed=2, slant=4.0), channels=channels))]


def written(folder: Path, channels: int = 1) -> Bank:
    write_bank(folder, CUTTING, iter(videos(channels)))
    return Bank(folder)


def assert_same(one: Cutout, other: Cutout) -> None:
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    assert one.alpha.dtype == other.alpha.dtype == np.uint8
    assert (one.top, one.left) == (other.top, other.left)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_bank_gives_back_every_track_of_every_video(tmp_path: Path, channels: int) -> None:
    bank = written(tmp_path / "bank", channels)
    tracks = [track for _, frames in videos(channels) for track in cut_tracks(frames, CUTTING)[0]]
    assert bank.channels == channels
    assert len(bank) == len(tracks) == 3
    assert [bank.length(number) for number in range(3)] == [len(track) for track in tracks] == [24, 24, 40]
    for number, track in enumerate(tracks):
        for position, cutout in enumerate(track):
            assert_same(bank.cutout(number, position), cutout)


def test_feet_are_counted_where_the_lowest_part_of_an_object_was(tmp_path: Path) -> None:
    counts = np.zeros(SIZE)
    for _, frames in videos():
        for track in cut_tracks(frames, CUTTING)[0]:
            for cutout in track:
                height, width = cutout.alpha.shape
                bottom = cutout.top + height
                counts[bottom - round(0.15 * height) : bottom, cutout.left : cutout.left + width] += 1
    np.testing.assert_allclose(written(tmp_path).stood, counts / counts.mean())


def test_feet_of_the_smallest_objects_are_one_pixel_high(tmp_path: Path) -> None:
    speck = film(24, walker(top=30, height=3, width=4))
    write_bank(tmp_path, Cutting(least_share=0.001), [("speck", speck)])
    bank = Bank(tmp_path)
    assert len(bank) == 1
    assert set(np.nonzero(bank.stood)[0]) == {32}


def test_velocity_is_measured_over_four_frames_to_either_side_or_what_there_is(tmp_path: Path) -> None:
    way = [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18]
    runs = Actor(12, 8, lambda frame: (40, 10 + way[frame - 20] if 20 <= frame < 32 else 200))
    write_bank(tmp_path, CUTTING, [("runs", film(50, runs))])
    bank = Bank(tmp_path)
    assert bank.length(0) == 12
    for position in range(12):
        first, last = max(0, position - 4), min(11, position + 4)
        assert bank.velocity(0, position) == pytest.approx([(way[last] - way[first]) / (last - first), 0])


def test_tracks_shorter_than_the_window_have_their_own_velocities(tmp_path: Path) -> None:
    def passer(speed: int) -> Actor:
        return Actor(10, 8, lambda frame: (40, 20 + speed * frame if 20 <= frame < 23 else 200))

    write_bank(tmp_path, Cutting(shortest=2), [(str(speed), film(40, passer(speed))) for speed in (1, 2, 3)])
    bank = Bank(tmp_path)
    assert [bank.length(track) for track in range(len(bank))] == [3, 3, 3]
    for track in range(3):
        assert [bank.velocity(track, position)[0] for position in range(3)] == [track + 1] * 3


def test_brisk_is_the_speed_in_heights_that_one_cutout_in_twenty_exceeds(tmp_path: Path) -> None:
    """Also of who goes back and forth: the way of the whole track would say that nobody moves."""
    pace = walker(left=4, top=4, height=10)
    turns = Actor(10, 8, lambda frame: (40, 60 - abs(30 - 2 * frame)))
    write_bank(tmp_path, CUTTING, [("walks", film(31, pace)), ("turns", film(31, turns))])
    bank = Bank(tmp_path)
    assert len(bank) == 2
    ends = bank.cutout(1, 0).center - bank.cutout(1, bank.length(1) - 1).center
    assert ends == pytest.approx([0, 0], abs=4.1)
    assert bank.brisk == pytest.approx(0.2)


def test_the_manifest_says_how_the_bank_was_cut_and_from_which_videos(tmp_path: Path) -> None:
    written(tmp_path, channels=3)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["videos"] == ["walk", "run"]
    assert (manifest["tracks"], manifest["cutouts"], manifest["channels"]) == (3, 88, 3)
    assert manifest["frame_size"] == list(SIZE)
    assert manifest["cutting"] == {"difference": 14.0, "least_share": 0.0015, "most_share": 0.09, "shortest": 9}
    assert np.load(tmp_path / "cutouts.npy").shape == (88, len(COLUMNS))
    assert len(list(tmp_path.iterdir())) == 3


def test_the_same_videos_make_the_same_bytes(tmp_path: Path) -> None:
    written(tmp_path / "one")
    written(tmp_path / "other")
    for file in ("manifest.json", "cutouts.npy", "pixels.u8"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_a_bank_travels_as_its_path(tmp_path: Path) -> None:
    bank = written(tmp_path)
    message = pickle.dumps(bank)
    assert len(message) < 300 + len(str(tmp_path))
    arrived = pickle.loads(message)
    assert_same(arrived.cutout(2, 7), bank.cutout(2, 7))


def test_videos_in_which_nothing_can_be_followed_are_refused_with_what_to_do(tmp_path: Path) -> None:
    still = np.repeat(scene()[None], 30, axis=0)
    with pytest.raises(
        DataError, match=r"nothing moves in 2 training videos .*difference, .* or cutting\.shortest, or take"
    ):
        write_bank(tmp_path, CUTTING, [("one", still), ("two", still)])
    assert not (tmp_path / "manifest.json").exists()
    with pytest.raises(DataError, match="holds no whole bank"):
        Bank(tmp_path)


def test_a_camera_that_moves_is_refused_with_what_to_do(tmp_path: Path) -> None:
    panning = np.stack([np.roll(film(1, *[walker(left=16 * n, top=0, height=64) for n in range(6)])[0], 3 * n, axis=2)
                        for n in range(32)])  # fmt: skip
    with pytest.raises(DataError, match=r"\d\d% of the pixels of 1 training videos differ .* needs a fixed camera"):
        write_bank(tmp_path, CUTTING, [("pan", panning)])
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_objects_adds_none(tmp_path: Path) -> None:
    still = np.repeat(scene()[None], 24, axis=0)
    write_bank(tmp_path, CUTTING, [("still", still), videos()[0]])
    assert len(Bank(tmp_path)) == 2


def test_a_bank_that_broke_off_while_it_was_cut_is_none(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield videos()[0]
        raise DataError("disk gone")

    with pytest.raises(DataError, match="disk gone"):
        write_bank(tmp_path, CUTTING, broken())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["manifest.json", "cutouts.npy", "pixels.u8"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut short"])
def test_a_bank_that_is_not_whole_is_refused_by_its_folder(tmp_path: Path, file: str, damage: str) -> None:
    written(tmp_path / "bank")
    content = (tmp_path / "bank" / file).read_bytes()
    (tmp_path / "bank" / file).unlink()
    if damage != "missing":
        (tmp_path / "bank" / file).write_bytes(content[: 0 if damage == "empty" else -5])
    with pytest.raises(DataError, match=r"bank holds no whole bank of objects .*: remove it and run again"):
        Bank(tmp_path / "bank")


@pytest.mark.parametrize("manifest", ["[]", "{}"])
def test_a_manifest_of_something_else_is_refused(tmp_path: Path, manifest: str) -> None:
    written(tmp_path)
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(DataError, match="holds no whole bank"):
        Bank(tmp_path)


def test_a_bank_of_another_version_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "version": VERSION + 1}))
    with pytest.raises(DataError, match="version"):
        Bank(tmp_path)


def test_the_name_of_a_bank_changes_with_anything_that_it_is_made_of() -> None:
    names = [
        bank_name(CUTTING, NAME, {"cell": 4}),
        bank_name(Cutting(difference=15.0), NAME, {"cell": 4}),
        bank_name(Cutting(least_share=0.002), NAME, {"cell": 4}),
        bank_name(Cutting(most_share=0.1), NAME, {"cell": 4}),
        bank_name(Cutting(shortest=10), NAME, {"cell": 4}),
        bank_name(CUTTING, NAME[:1], {"cell": 4}),
        bank_name(CUTTING, (("walk", "a1"), ("run", "b3")), {"cell": 4}),
        bank_name(CUTTING, (("walk", "a1"), ("hop", "b2")), {"cell": 4}),
        bank_name(CUTTING, NAME, {"cell": 8}),
    ]
    assert len(set(names)) == len(names)
    assert bank_name(Cutting(), iter(NAME), {"cell": 4}) == names[0]
