import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from miniatures import write_folder, write_images, write_mp4

from aed_lightning.core import DataError, UsageError
from aed_lightning.data import open_layout
from aed_lightning.data.names import name_problem, natural_key


def test_train_test_and_labels_are_found_in_natural_order(tmp_path):
    layout = open_layout("folder", write_folder(tmp_path))
    assert [(v.split, v.name) for v in layout.videos()] == [("train", "2"), ("train", "10"), ("test", "walk")]
    assert layout.labels(layout.videos()[2], 6).tolist() == [0, 0, 1, 1, 0, 0]
    assert layout.labels(layout.videos()[0], 6) is None


def test_a_bare_folder_of_videos_is_a_training_set(tmp_path):
    write_mp4(tmp_path / "a.mp4")
    write_images(tmp_path / "b")
    (tmp_path / "notes.txt").write_text("mine")
    layout = open_layout("folder", tmp_path)
    assert [(v.split, v.name) for v in layout.videos()] == [("train", "a"), ("train", "b")]
    assert layout.notes == ["ignored notes.txt: not a video"]


@pytest.mark.parametrize("text", ["frame,label\n0,0\n2,1\n1,0\n3,1\n", "0\n0\n1\n1\n"])
def test_labels_are_also_read_from_text(tmp_path, text):
    root = write_folder(tmp_path, labels=False)
    (root / "labels" / "frames").mkdir(parents=True)
    (root / "labels" / "frames" / f"walk.{'csv' if ',' in text else 'txt'}").write_text(text)
    layout = open_layout("folder", root)
    assert layout.labels(layout.videos()[2], 4).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 2, 1], "label 2 at frame 1"),
        ([0, np.nan, 1], "label nan at frame 1"),
        ([0, 1], "2 labels for 3 frames"),
        ([[0, 1], [1, 0]], "one number a frame"),
        (["a", "b", "c"], "one number a frame"),
    ],
)
def test_wrong_labels_are_refused_with_file_place_and_value(tmp_path, values, message):
    layout = open_layout("folder", write_folder(tmp_path))
    np.save(tmp_path / "labels" / "frames" / "walk.npy", np.array(values))
    with pytest.raises(DataError, match=rf"walk\.npy: .*{message}"):
        layout.labels(layout.videos()[2], 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,label\n0,0\n0,1\n", "labeled twice"),
        ("0,0\n2,1\n", "frame 1 stands"),
        ("0,x\n", "'x' is no number"),
        ("0,0,0\n", "3 columns"),
        ("0,0.5\n", "no whole"),
    ],
)
def test_a_csv_that_is_not_one_label_a_frame_is_refused(tmp_path, text, message):
    root = write_folder(tmp_path, labels=False)
    (root / "labels" / "frames").mkdir(parents=True)
    (root / "labels" / "frames" / "walk.csv").write_text(text)
    layout = open_layout("folder", root)
    with pytest.raises(DataError, match=message):
        layout.labels(layout.videos()[2], 2)


def test_a_pickle_in_a_label_file_is_never_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    layout = open_layout("folder", write_folder(tmp_path))
    file = tmp_path / "labels" / "frames" / "walk.npy"
    for write in (
        lambda: np.save(file, np.array([Payload()]), allow_pickle=True),
        lambda: file.write_bytes(pickle.dumps(Payload())),
    ):
        write()
        with pytest.raises(DataError, match=r"no plain \.npy array"):
            layout.labels(layout.videos()[2], 1)
    assert not (tmp_path / "ran").exists()


def test_a_header_that_promises_a_huge_array_is_refused(tmp_path):
    layout = open_layout("folder", write_folder(tmp_path))
    file = tmp_path / "labels" / "frames" / "walk.npy"
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (2**50,)})
        stream.write(bytes(10))
    with pytest.raises(DataError, match=r"no plain \.npy array"):
        layout.labels(layout.videos()[2], 10)


def test_kinds_come_from_the_tracks(tmp_path):
    root = write_folder(tmp_path)
    (root / "labels" / "tracks").mkdir()
    rows = ["track_id,frame,x0,y0,x1,y1,kind", "0,2,1,1,5,5,runner", "1,3,1,1,5,5,bike", "0,3,1,1,5,5,runner"]
    (root / "labels" / "tracks" / "walk.csv").write_text("\n".join(rows))
    layout = open_layout("folder", root)
    assert layout.kinds(layout.videos()[2], 6) == ["", "", "runner", "bike+runner", "", ""]
    with pytest.raises(DataError, match="frame 3 of 3 frames"):
        layout.kinds(layout.videos()[2], 3)


def test_all_problems_of_a_root_are_told_at_once(tmp_path):
    root = write_folder(tmp_path / "data")
    write_mp4(tmp_path / "outside.mp4")
    write_mp4(root / "test" / "other.mp4")
    write_images(root / "train" / "10")
    (root / "train" / "empty").mkdir()
    (root / "train" / "away.mp4").symlink_to(tmp_path / "outside.mp4")
    (root / "train" / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    write_mp4(root / "train" / "a\nb.mp4")
    np.save(root / "labels" / "frames" / "nobody.npy", np.zeros(3))
    with pytest.raises(DataError) as refusal:
        open_layout("folder", root)
    for part in (
        "7 problems",
        "test/other.mp4 has no labels",
        "have the same name",
        "train/empty has no images",
        "away.mp4 leads out of the root",
        "gone.mp4 is a link to nothing",
        "no control character",
        "nobody.npy labels no video",
    ):
        assert part in str(refusal.value)


def test_a_linked_image_outside_the_root_is_refused(tmp_path):
    write_images(tmp_path / "secret")
    folder = write_images(tmp_path / "data" / "train" / "v")
    (folder / "006.png").symlink_to(tmp_path / "secret" / "000.png")
    with pytest.raises(DataError, match=r"v/006\.png leads out of the root"):
        open_layout("folder", tmp_path / "data")


def test_an_empty_test_folder_is_refused(tmp_path):
    write_mp4(tmp_path / "train" / "a.mp4")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="the test split is empty"):
        open_layout("folder", tmp_path)


@pytest.mark.parametrize("name", ["folder", "ped1", "ped2", "avenue", "shanghaitech", "ubnormal"])
def test_a_missing_or_empty_root_says_what_is_expected_and_where_to_put_it(tmp_path, name):
    (tmp_path / "empty").mkdir()
    for root, what in ((tmp_path / "missing", "does not exist"), (tmp_path / "empty", "is empty")):
        with pytest.raises(
            DataError, match=rf"(?s){root} {what}\. Expected below it:\n.*put it there or pass --data\.root"
        ):
            open_layout(name, root)


def test_an_unknown_layout_is_a_usage_error_with_the_list(tmp_path):
    with pytest.raises(
        UsageError, match="layout 'ped3' is unknown: use one of folder, ped1, ped2, avenue, shanghaitech"
    ):
        open_layout("ped3", tmp_path)


@given(st.text(max_size=20))
def test_a_name_without_a_problem_is_one_file_inside_its_folder(name):
    if name_problem(name) is None:
        path = os.path.normpath(f"/store/{name}.u8")
        assert os.path.dirname(path) == "/store"
        assert name.splitlines() == [name]


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_names_sort_by_their_numbers(numbers):
    assert sorted((f"v{n}" for n in numbers), key=natural_key) == [f"v{n}" for n in sorted(numbers)]
