import csv
import hashlib
import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from aed_lightning.core import DataError, UsageError
from aed_lightning.toy import TOY_VERSION, labels_hash, write_toy
from aed_lightning.toy.render import least_visible
from aed_lightning.toy.schedule import KINDS

SIZE = (90, 160)
MINIATURE = {"size": SIZE, "seed": 3, "train_videos": 1, "test_videos": 4, "frames": 24}


def decode(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def labels(root: Path, name: str) -> tuple[np.ndarray, np.ndarray, list[dict[str, str]]]:
    frames = np.load(root / "labels" / "frames" / f"{name}.npy")
    masks = np.load(root / "labels" / "masks" / f"{name}.npz")["masks"]
    with (root / "labels" / "tracks" / f"{name}.csv").open(encoding="utf-8") as file:
        return frames, masks, list(csv.DictReader(file))


TEST_NAMES = ("test_01", "test_02", "test_03", "test_04")
FRAMES = 24


def test_frames_decode_in_the_planned_size_and_number(small_set):
    for video in (small_set / "train" / "train_01.mp4", *(small_set / "test" / f"{name}.mp4" for name in TEST_NAMES)):
        assert decode(video).shape == (FRAMES, *SIZE, 3)


def test_there_is_one_label_and_one_mask_a_frame(small_set):
    for name in TEST_NAMES:
        frames, masks, _ = labels(small_set, name)
        assert frames.shape == (FRAMES,)
        assert masks.shape == (FRAMES, *SIZE)
        assert masks.dtype == bool
        assert set(np.unique(frames)) <= {0, 1}


def test_labels_agree_with_masks_and_tracks(small_set):
    anomalous = 0
    for name in TEST_NAMES:
        frames, masks, rows = labels(small_set, name)
        np.testing.assert_array_equal(frames, masks.any((1, 2)))
        np.testing.assert_array_equal(np.flatnonzero(frames), np.unique([int(row["frame"]) for row in rows]))
        assert all(mask.sum() >= least_visible(SIZE) for mask in masks[frames == 1])
        anomalous += int(frames.sum())
    assert 0 < anomalous <= 3 * FRAMES


def test_a_video_without_an_event_has_no_anomalous_frame(small_set):
    frames, masks, rows = labels(small_set, "test_04")
    assert not frames.any()
    assert not masks.any()
    assert rows == []


def test_boxes_enclose_the_mask_and_are_half_open(small_set):
    for name in TEST_NAMES:
        frames, masks, rows = labels(small_set, name)
        for frame in np.flatnonzero(frames):
            boxes = np.array(
                [[int(row[key]) for key in ("x0", "y0", "x1", "y1")] for row in rows if int(row["frame"]) == frame]
            )
            ys, xs = np.nonzero(masks[frame])
            enclosing = [*boxes[:, :2].min(0), *boxes[:, 2:].max(0)]
            assert enclosing == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        assert {row["kind"] for row in rows} <= set(KINDS)


def test_the_same_seed_gives_the_same_labels_and_frames_in_any_number_of_processes(small_set, tmp_path):
    write_toy(tmp_path / "again", processes=2, **MINIATURE)
    for path in sorted(small_set.rglob("*.*")):
        twin = tmp_path / "again" / path.relative_to(small_set)
        if path.suffix == ".mp4":
            np.testing.assert_array_equal(decode(path), decode(twin))
        elif path.suffix != ".npz":
            assert path.read_bytes() == twin.read_bytes()
    for name in TEST_NAMES:
        np.testing.assert_array_equal(labels(small_set, name)[1], labels(tmp_path / "again", name)[1])


def test_the_hash_of_labels_is_what_its_description_says(small_set):
    whole = hashlib.sha256()
    for name in TEST_NAMES:
        tracks = (small_set / "labels" / "tracks" / f"{name}.csv").read_bytes()
        frames = bytes(labels(small_set, name)[0].tolist())
        video = hashlib.sha256(hashlib.sha256(tracks).digest() + hashlib.sha256(frames).digest()).hexdigest()
        whole.update(f"{name} {video}\n".encode())
    assert labels_hash(small_set) == whole.hexdigest()
    told = json.loads((small_set / "toy.json").read_text())
    assert told["labels_sha256"] == whole.hexdigest()
    assert (told["version"], told["seed"], told["size"], told["fps"]) == (TOY_VERSION, 3, [90, 160], 12)


def test_a_changed_label_changes_the_hash(small_set, tmp_path):
    copy = shutil.copytree(small_set, tmp_path / "copy")
    frames = labels(copy, "test_01")[0]
    frames[0] ^= 1
    np.save(copy / "labels" / "frames" / "test_01.npy", frames)
    assert labels_hash(copy) != labels_hash(small_set)


def test_a_complete_set_is_left_alone(small_set):
    before = {path: path.stat().st_mtime_ns for path in small_set.rglob("*")}
    calls = []
    write_toy(small_set, processes=1, progress=lambda done, of: calls.append((done, of)), **MINIATURE)
    assert before == {path: path.stat().st_mtime_ns for path in small_set.rglob("*")}
    assert calls == []


def test_a_broken_off_set_is_continued(small_set, tmp_path):
    root = shutil.copytree(small_set, tmp_path / "set")
    told = json.loads((root / "toy.json").read_text())
    (root / "toy.json").write_text(json.dumps({**told, "complete": False}))
    (root / "test" / "test_02.mp4").unlink()
    (root / "labels" / "frames" / "test_02.npy").unlink()
    calls = []
    write_toy(root, processes=1, progress=lambda done, of: calls.append((done, of)), **MINIATURE)
    assert calls == [(5, 5)]
    assert labels_hash(root) == labels_hash(small_set)
    assert (root / "toy.json").read_text() == (small_set / "toy.json").read_text()


def test_a_folder_with_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match=r"is not empty and holds no toy\.json"):
        write_toy(tmp_path, **MINIATURE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="name an empty folder"):
        write_toy(tmp_path / "file", **MINIATURE)


@pytest.mark.parametrize("other", [{"seed": 4}, {"size": (180, 320)}, {"frames": 31}, {"test_videos": 1}])
def test_a_set_made_with_other_terms_is_refused(small_set, other):
    with pytest.raises(DataError, match="another version, seed, size or length"):
        write_toy(small_set, **{**MINIATURE, **other})


def test_a_damaged_toy_json_is_refused(tmp_path):
    (tmp_path / "toy.json").write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        write_toy(tmp_path, **MINIATURE)


@pytest.mark.parametrize("size", [(91, 160), (90, 161), (0, 160)])
def test_a_frame_size_that_cannot_be_written_is_refused(tmp_path, size):
    with pytest.raises(UsageError, match="must be even"):
        write_toy(tmp_path / "set", **{**MINIATURE, "size": size})
    assert not (tmp_path / "set").exists()
