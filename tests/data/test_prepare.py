import errno
import fcntl
import hashlib
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from miniatures import write_folder, write_images, write_masks, write_mp4, write_ped2
from real_data import REAL_DATA, needs

from aed_lightning.core import DataError, UsageError
from aed_lightning.data import check, ingest, lock, open_layout, prepare
from aed_lightning.data.ingest import stored_frame
from aed_lightning.data.prepare import prepare_shard
from aed_lightning.data.progress import SilentProgress
from aed_lightning.data.readers import open_video
from aed_lightning.data.shards import Shard


class Recorder(SilentProgress):
    def __init__(self):
        self.promised, self.videos, self.notes, self.count, self.ended = None, [], [], 0, False

    def start(self, videos, frames):
        self.promised = (videos, frames)

    def video(self, name):
        self.videos.append(name)

    def frames(self, n):
        self.count += n

    def note(self, message):
        self.notes.append(message)

    def done(self):
        self.ended = True


def run(root, store, layout="folder", **settings):
    recorder = Recorder()
    result = prepare(
        open_layout(layout, root), root, store, **{"frame_size": (16, 24), "progress": recorder, **settings}
    )
    return result, recorder.videos, recorder


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "data")


def test_stored_frames_and_motion_are_the_resized_source(root, tmp_path):
    store, _, recorder = run(root, tmp_path / "store")
    row = store.videos("train")[1]
    expected = [cv2.resize(frame, (24, 16)).transpose(2, 0, 1) for frame in open_video(root / row.source).frames()]
    assert np.array_equal(store.frames(row), np.stack(expected))
    difference = np.abs(expected[4].astype(int) - expected[2].astype(int))
    assert np.array_equal(store.motion(row)[3], difference.reshape(3, 4, 4, 6, 4).max(axis=(2, 4)))
    assert (recorder.promised, recorder.count, recorder.ended) == ((3, 19), 19, True)
    assert recorder.videos == ["2", "10", "walk"]
    assert any(f"{tmp_path / 'store'}: 19 frames of 3 videos to decode, 0.00 GiB needed, " in n for n in recorder.notes)


def test_the_store_does_not_depend_on_how_frames_travel_or_reach_the_disk(root, tmp_path, monkeypatch):
    expected, _, _ = run(root, tmp_path / "expected")
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 2 * 3 * 16 * 24)
    monkeypatch.setattr(ingest, "SYNC_BYTES", 1)
    store, _, _ = run(root, tmp_path / "store")
    for row in store.videos("train") + store.videos("test"):
        assert np.array_equal(store.frames(row), expected.frames(row))
        assert np.array_equal(store.motion(row), expected.motion(row))


def test_frames_that_do_not_reach_the_disk_are_an_error_and_leave_no_file(root, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ingest, "SYNC_BYTES", 1)
    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError, match="No space left"):
        run(root, tmp_path / "store")
    assert not list((tmp_path / "store").rglob("*.u8*"))


def test_the_manifest_traces_every_video_to_its_bytes(root, tmp_path):
    store, _, _ = run(root, tmp_path / "store")
    manifest = json.loads(store.paths.manifest.read_text())
    assert {k: manifest[k] for k in ("version", "layout", "reader", "frame_size", "cell", "channels", "gradient")} == {
        "version": 1,
        "layout": "folder",
        "reader": "opencv",
        "frame_size": [16, 24],
        "cell": 4,
        "channels": 3,
        "gradient": "central",
    }
    row, source = manifest["videos"][2], root / "test" / "walk.mp4"
    assert (row["source"], row["frames"], row["claimed_frames"], row["fps"]) == ("test/walk.mp4", 6, 6, 25.0)
    assert (row["source_size"], row["labeled"], row["anomalous_frames"]) == ([24, 32], True, 2)
    assert (row["bytes"], row["mtime_ns"]) == (source.stat().st_size, source.stat().st_mtime_ns)
    assert row["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    labels = root / "labels" / "frames" / "walk.npy"
    assert row["label_sha256"] == hashlib.sha256(labels.read_bytes()).hexdigest()


def test_gray_video_stays_one_channel_and_exact(tmp_path):
    grays = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(stored_frame(np.stack([grays] * 3, axis=-1), (16, 16), 1)[0], grays)
    root = write_ped2(tmp_path / "data")
    store, _, _ = run(root, tmp_path / "store", "ped2", frame_size=(24, 32))
    row = store.videos("test")[1]
    image = cv2.imread(str(root / "UCSDped2/Test/Test002/003.tif"), cv2.IMREAD_UNCHANGED)
    assert store.frames(row).shape == (6, 1, 24, 32)
    assert np.array_equal(store.frames(row)[2, 0], image)
    assert (row.fps, row.anomalous_frames) == (10.0, 4)


def test_only_what_is_missing_or_changed_is_done_again(root, tmp_path):
    store, done, _ = run(root, tmp_path / "store")
    assert done == ["2", "10", "walk"]
    assert run(root, tmp_path / "store")[1] == []
    write_mp4(root / "train" / "2.mp4", 9)
    again, done, _ = run(root, tmp_path / "store")
    assert (done, again.videos("train")[0].frames) == (["2"], 9)
    store.paths.manifest.unlink()
    store.paths.row("train", "10").unlink()
    again, done, _ = run(root, tmp_path / "store")
    assert done == ["10"]
    assert check(open_layout("folder", root), root, again) == []


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("settings", "frame_size", []), ("row", "name", "../10"), ("row", "name", 10), ("row", "split", "else")],
)
def test_a_video_whose_row_is_damaged_is_decoded_again(root, tmp_path, part, key, value):
    store, _, _ = run(root, tmp_path / "store")
    file = store.paths.row("train", "10")
    saved = json.loads(file.read_text())
    saved[part][key] = value
    file.write_text(json.dumps(saved))
    again, done, _ = run(root, tmp_path / "store")
    assert done == ["10"]
    assert again.videos("train") == store.videos("train")


def test_other_settings_prepare_anew_and_say_so(root, tmp_path):
    run(root, tmp_path / "store")
    store, done, recorder = run(root, tmp_path / "store", frame_size=(8, 8), channels=1)
    assert (done, store.frames(store.videos("test")[0]).shape) == (["2", "10", "walk"], (6, 1, 8, 8))
    assert any("3 videos were prepared with other settings" in note for note in recorder.notes)


def test_labels_are_read_again_and_videos_that_are_gone_are_dropped(root, tmp_path):
    run(root, tmp_path / "store")
    np.save(root / "labels" / "frames" / "walk.npy", np.ones(6))
    (root / "train" / "2.mp4").unlink()
    store, done, _ = run(root, tmp_path / "store")
    assert (done, store.videos("test")[0].anomalous_frames) == ([], 6)
    assert [row.name for row in store.videos("train")] == ["10"]
    assert not store.paths.frames("train", "2").exists()


def test_wrong_labels_are_refused_before_anything_is_decoded(root, tmp_path):
    np.save(root / "labels" / "frames" / "walk.npy", np.full(6, 3))
    with pytest.raises(DataError, match=r"walk\.npy: label 3 at frame 0"):
        run(root, tmp_path / "store")
    assert not list((tmp_path / "store").rglob("*.u8"))


def test_labels_of_another_number_than_the_counted_frames_are_refused(root, tmp_path):
    np.save(root / "labels" / "frames" / "walk.npy", np.zeros(5))
    with pytest.raises(DataError, match="5 labels for 6 frames"):
        run(root, tmp_path / "store")


def test_every_broken_video_is_named_at_once_and_the_others_are_kept(root, tmp_path):
    for name in ("v", "w"):
        broken = write_images(root / "train" / name) / "002.png"
        broken.write_bytes(b"junk")
    with pytest.raises(DataError, match=r"(?s)2 problems.*v/002\.png.*w/002\.png"):
        run(root, tmp_path / "store")
    assert not (tmp_path / "store" / "manifest.json").exists()
    assert not list((tmp_path / "store").rglob("*.partial"))
    for name in ("v", "w"):
        shutil.rmtree(root / "train" / name)
    assert run(root, tmp_path / "store")[1] == []


def test_check_names_what_is_wrong(root, tmp_path):
    layout = open_layout("folder", root)
    store, _, _ = run(root, tmp_path / "store")
    assert check(layout, root, store) == []
    with (root / "train" / "2.mp4").open("ab") as stream:
        stream.write(b"x")
    np.save(root / "labels" / "frames" / "walk.npy", np.ones(6))
    store.paths.motion("train", "10").write_bytes(b"short")
    problems = "\n".join(check(layout, root, store))
    for part in ("2.mp4 has other bytes", "test/walk: the labels are not those", "10.u8: 5 bytes"):
        assert part in problems
    assert problems.count("\n") == 2


def write_annotations(root, masked=(2, 3)):
    write_masks(root / "labels/masks/walk", [int(index in masked) for index in range(6)], "{:06d}.png", 0)
    (root / "labels/tracks").mkdir(exist_ok=True)
    rows = ["track_id,frame,x0,y0,x1,y1,kind", "0,2,1,4,9,12,runner", "0,3,2,4,10,12,runner"]
    (root / "labels/tracks/walk.csv").write_text("\n".join(rows))


def test_masks_that_say_other_than_the_labels_are_counted_and_printed_each_time(root, tmp_path):
    write_annotations(root, masked=(1, 2))
    for _ in range(2):
        store, _, recorder = run(root, tmp_path / "store")
        assert store.videos("test")[0].mask_disagreements == 2
        assert [note for note in recorder.notes if "mask and label differ in 2 of 6 frames" in note]
    write_annotations(root)
    store, done, recorder = run(root, tmp_path / "store")
    assert (store.videos("test")[0].mask_disagreements, done, recorder.notes) == (0, [], [])
    np.save(root / "labels" / "frames" / "walk.npy", np.array([0, 1, 1, 1, 0, 0], dtype=np.uint8))
    assert run(root, tmp_path / "store")[0].videos("test")[0].mask_disagreements == 1


def test_masks_and_tracks_are_in_the_manifest_with_their_bytes_and_checked(root, tmp_path):
    write_annotations(root)
    store, _, _ = run(root, tmp_path / "store")
    row = json.loads(store.paths.manifest.read_text())["videos"][2]
    tracks = (root / "labels/tracks/walk.csv").read_bytes()
    assert (row["tracks"]["path"], row["tracks"]["bytes"]) == ("labels/tracks/walk.csv", len(tracks))
    assert row["tracks"]["sha256"] == hashlib.sha256(tracks).hexdigest()
    assert row["masks"]["path"] == "labels/masks/walk"
    assert check(open_layout("folder", root), root, store) == []
    write_masks(root / "labels/masks/walk", [1], "{:06d}.png", 0)
    assert ["labels/masks/walk: masks or tracks" in p for p in check(open_layout("folder", root), root, store)] == [
        True
    ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tracks/walk.csv", "track_id,frame,x0,y0,x1,y1,kind\n0,2,1,4,33,12,runner", "leaves the frame of 32x24"),
        ("masks/walk/000006.png", None, "7 masks for 6 frames"),
    ],
)
def test_masks_and_tracks_that_do_not_fit_the_video_are_refused(root, tmp_path, file, content, message):
    write_annotations(root)
    if content is None:
        shutil.copy(root / "labels/masks/walk/000000.png", root / "labels" / file)
    else:
        (root / "labels" / file).write_text(content)
    with pytest.raises(DataError, match=message):
        run(root, tmp_path / "store")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frame_size": (18, 24)}, "18x24 does not divide by cell 4"),
        ({"channels": 2}, "channels 2"),
        ({"reader": "vlc"}, "reader 'vlc'"),
        ({"workers": 0}, "workers 0: give 1 or more"),
    ],
)
def test_settings_that_cannot_be_are_usage_errors(root, tmp_path, settings, message):
    with pytest.raises(UsageError, match=message):
        run(root, tmp_path / "store", **settings)


def test_a_full_disk_is_refused_before_the_work(root, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(DataError, match=r"0\.00 GiB needed, 0\.00 GiB free, for 19 frames: make room"):
        run(root, tmp_path / "store")


def test_a_second_prepare_waits_says_so_and_then_names_the_holder(root, tmp_path):
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / ".lock").open("w") as other:
        other.write("process 123 on host")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        recorder = Recorder()
        with pytest.raises(DataError, match="is being prepared by process 123 on host"):
            run(root, tmp_path / "store", wait_seconds=0.3, progress=recorder)
        assert ["waiting up to 0.3 s" in note for note in recorder.notes] == [True]
    assert run(root, tmp_path / "store")[1] == ["2", "10", "walk"]


def test_one_that_waits_without_limit_waits_as_long_as_the_holder_lives(root, tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    sleeps = []
    with (tmp_path / "store" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def sleep(seconds):
            sleeps.append(seconds)
            if len(sleeps) == 3:
                fcntl.flock(other, fcntl.LOCK_UN)

        years = itertools.count(0, 10**9)
        fake = SimpleNamespace(sleep=sleep, monotonic=years.__next__, strftime=time.strftime)
        monkeypatch.setattr(lock, "time", fake)
        store, _, recorder = run(root, tmp_path / "store", wait_seconds=math.inf)
    assert len(store.videos("train")) == 2
    assert recorder.notes[0].endswith("is being prepared by an unnamed process; waiting")


def test_a_killed_prepare_goes_on_where_it_was(root, tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from aed_lightning.data import open_layout, prepare, progress\n"
        "class Slow(progress.SilentProgress):\n"
        "    def video(self, name): print('first', flush=True); time.sleep(60)\n"
        "root, store = map(Path, sys.argv[1:])\n"
        "prepare(open_layout('folder', root), root, store, frame_size=(16, 24), progress=Slow())\n"
    )
    command = [sys.executable, "-c", program, str(root), str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while (line := child.stdout.readline()).strip() != "first":
            assert line, "it has ended"
        os.kill(child.pid, signal.SIGKILL)
    (tmp_path / "store" / "frames" / "train" / ".10.u8.1.partial").write_bytes(b"half")
    (tmp_path / "store" / ".manifest.json.1.partial").write_bytes(b"half")
    assert not (tmp_path / "store" / "manifest.json").exists()
    store, done, _ = run(root, tmp_path / "store")
    assert done == ["10", "walk"]
    assert check(open_layout("folder", root), root, store) == []
    assert not list((tmp_path / "store").rglob("*.partial"))


def test_importing_data_brings_no_torch():
    subprocess.run(
        [sys.executable, "-c", "import sys, aed_lightning.data; assert 'torch' not in sys.modules"], check=True
    )


@pytest.mark.slow
@needs("ped2")
def test_the_real_ped2_has_its_published_counts(tmp_path):
    subprocess.run([sys.executable, str(REAL_DATA / "ped2" / "unpack.py"), str(tmp_path / "ped2")], check=True)
    store, _, _ = run(tmp_path / "ped2", tmp_path / "store", "ped2", frame_size=(60, 88))
    assert sum(row.frames for row in store.videos("train")) == 2550
    tests = store.videos("test")
    assert [row.frames for row in tests] == [180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180]
    assert [row.anomalous_frames for row in tests] == [120, 86, 146, 150, 129, 159, 135, 180, 120, 150, 180, 93]
    assert [row.mask_disagreements for row in tests] == [0] * 12


@pytest.mark.slow
@needs("avenue")
def test_the_real_avenue_files_have_their_published_counts(tmp_path):
    began = time.monotonic()
    store, _, recorder = run(REAL_DATA / "avenue", tmp_path / "store", "avenue", frame_size=(72, 128))
    assert [row.frames for row in store.videos("train")] == [145, 244]
    assert [(row.frames, row.anomalous_frames) for row in store.videos("test")] == [(426, 384), (248, 140)]
    assert [row.mask_disagreements for row in store.videos("test")] == [0, 0]
    assert np.flatnonzero(store.labels(store.videos("test")[1]))[[0, -1]].tolist() == [108, 247]
    assert "avenue: a part of Avenue: 2 of 21 test videos" in recorder.notes
    assert time.monotonic() - began < 120


def in_shares(root, store, of=2, shares=None, **settings):
    rows = []
    for number in shares or range(1, of + 1):
        rows += prepare_shard(
            open_layout("folder", root), root, store, Shard(number, of), frame_size=(16, 24), **settings
        )
    return rows


def merge(root, store):
    return prepare(open_layout("folder", root), root, store, frame_size=(16, 24), merge=True)


def files_of(store):
    files = sorted(file for file in store.rglob("*") if file.is_file() and file.name != ".lock")
    return {str(file.relative_to(store)): file.read_bytes() for file in files}


def test_shares_and_a_merge_make_the_store_that_one_prepare_makes(root, tmp_path):
    run(root, tmp_path / "whole")
    rows = in_shares(root, tmp_path / "store", of=3)
    assert sorted(row.name for row in rows) == ["10", "2", "walk"]
    assert not (tmp_path / "store" / "manifest.json").exists()
    merged = merge(root, tmp_path / "store")
    assert [row.name for row in merged.videos("train")] == ["2", "10"]
    assert files_of(tmp_path / "store") == files_of(tmp_path / "whole")


def test_a_merge_that_is_not_complete_names_what_is_missing_and_changes_nothing(root, tmp_path):
    done = {row.name for row in in_shares(root, tmp_path / "store", shares=[1])}
    assert 0 < len(done) < 3  # or the names of the miniature are badly chosen
    missing = {"2": "train/2", "10": "train/10", "walk": "test/walk"}
    before = files_of(tmp_path / "store")
    with pytest.raises(DataError, match=rf"{3 - len(done)} of 3 videos are not prepared: ") as refusal:
        merge(root, tmp_path / "store")
    assert all((name in done) != (key in str(refusal.value)) for name, key in missing.items())
    assert files_of(tmp_path / "store") == before


def test_a_share_is_resumed_and_leaves_the_others_alone(root, tmp_path):
    store = tmp_path / "store"
    in_shares(root, store)
    frames = next((store / "frames").rglob("*.u8"))
    mine, theirs = (store / "frames" / "train" / f".{name}.u8.7.partial" for name in ("2", "99"))
    for partial in (mine, theirs):
        partial.write_bytes(b"half")
    before = {file: file.stat().st_mtime_ns for file in (store / "frames").rglob("*.u8")}
    frames.unlink()
    recorder = Recorder()
    in_shares(root, store, progress=recorder)
    after = {file: file.stat().st_mtime_ns for file in (store / "frames").rglob("*.u8")}
    assert {file for file in after if after[file] != before[file]} == {frames}
    assert len(recorder.videos) == 1
    assert not mine.exists()
    assert theirs.exists()
    merge(root, store)
    assert not theirs.exists()


def test_two_shares_at_once_in_one_store(root, tmp_path):
    script = (
        "import sys; from pathlib import Path; from aed_lightning.data import open_layout\n"
        "from aed_lightning.data.prepare import prepare_shard; from aed_lightning.data.shards import Shard\n"
        "root, store = map(Path, sys.argv[1:3]); shard = Shard.parse(sys.argv[3])\n"
        "prepare_shard(open_layout('folder', root), root, store, shard, frame_size=(16, 24))\n"
    )
    command = [sys.executable, "-c", script, str(root), str(tmp_path / "store")]
    shares = [subprocess.Popen([*command, f"{number}/2"]) for number in (1, 2)]
    assert [share.wait(120) for share in shares] == [0, 0]
    run(root, tmp_path / "whole")
    merge(root, tmp_path / "store")
    assert files_of(tmp_path / "store") == files_of(tmp_path / "whole")


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    message = r"store: its file system has no locks .*; give a folder on another one"
    with pytest.raises(DataError, match=message), lock.locked(tmp_path / "store", 0.0, print):
        pass


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}'])
def test_a_row_that_cannot_be_read_is_made_anew(root, tmp_path, text):
    run(root, tmp_path / "store")
    before = files_of(tmp_path / "store")
    row = next((tmp_path / "store" / "rows").rglob("*.json"))
    row.write_text(text)
    (tmp_path / "store" / "manifest.json").unlink()
    run(root, tmp_path / "store")
    assert files_of(tmp_path / "store") == before
