import re

import numpy as np
import pytest
import scipy.io
from miniatures import (
    UBNORMAL_TEST,
    write_avenue,
    write_avi,
    write_frames_layout,
    write_shanghaitech,
    write_ubnormal,
    write_vol_label,
)

from aed_lightning.core import DataError
from aed_lightning.data import open_layout
from aed_lightning.data.layouts import matlab


@pytest.mark.parametrize("above", ["Avenue Dataset", "."])
def test_avenue_pairs_masks_by_number_and_notes_a_part(tmp_path, above):
    layout = open_layout("avenue", write_avenue(tmp_path, above=above))
    train, test = layout.videos()
    assert (train.name, test.name, test.label_source.name) == ("01", "02", "2_label.mat")
    assert layout.labels(test, 6).tolist() == [0, 1, 0, 0, 1, 0]
    assert layout.notes == ["a part of Avenue: 1 of 16 train videos", "a part of Avenue: 1 of 21 test videos"]
    with pytest.raises(DataError, match=r"2_label\.mat: 6 labels for 7 frames"):
        layout.labels(test, 7)


def test_an_avenue_test_video_without_masks_is_refused(tmp_path):
    write_avenue(tmp_path)
    write_avi(tmp_path / "Avenue Dataset" / "testing_videos" / "03.avi")
    with pytest.raises(DataError, match=r"03\.avi has no labels"):
        open_layout("avenue", tmp_path)


@pytest.mark.parametrize("labels", ["mat", "npy"])
def test_avenue_is_read_from_folders_of_frames_too(tmp_path, labels):
    layout = open_layout("avenue", write_frames_layout(tmp_path, "avenue", labels))
    tests = [v for v in layout.videos() if v.split == "test"]
    assert [(v.name, v.fps) for v in tests] == [("01", 25.0), ("02", 25.0)]
    assert [layout.labels(v, 6).tolist() for v in tests] == [[0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]]


@pytest.mark.parametrize("labels", ["mat", "none"])
def test_the_masks_label_folders_of_frames_only_where_no_label_file_does(tmp_path, labels):
    root = write_frames_layout(tmp_path, "avenue", labels)
    for number in (1, 2):
        masks = np.empty((1, 6), dtype=object)
        masks[0, :] = [np.full((24, 32), index == 5, dtype=np.uint8) for index in range(6)]
        write_vol_label(root, number, masks)
    layout = open_layout("avenue", root)
    video = layout.videos()[2]
    assert video.mask_source.name == "1_label.mat"
    assert layout.labels(video, 6).tolist() == ([0, 1, 1, 1, 0, 0] if labels == "mat" else [0, 0, 0, 0, 0, 1])
    assert layout.masks(video, 6, (24, 32))(5).all()


def test_avenue_without_any_labels_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"avenue\.mat is missing"):
        open_layout("avenue", write_frames_layout(tmp_path, "avenue", "none"))


def test_a_mat_file_that_unpacks_too_far_or_is_broken_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "bomb.mat"
    scipy.io.savemat(file, {"gt": np.zeros(3_000_000, dtype=np.uint8)}, do_compression=True)
    assert file.stat().st_size < 10_000
    assert matlab.read_mat(file, "gt").size == 3_000_000
    with pytest.raises(DataError, match="has no variable 'volLabel'"):
        matlab.read_mat(file, "volLabel")
    monkeypatch.setattr(matlab, "LARGEST_CONTENT", 2_000_000)
    with pytest.raises(DataError, match="unpacks to more than 2000000 bytes"):
        matlab.read_mat(file, "gt")
    file.write_bytes(b"no matlab at all" * 20)
    with pytest.raises(DataError, match=r"bomb\.mat cannot be read as a \.mat file"):
        matlab.read_mat(file, "gt")


def test_shanghaitech_reads_videos_frames_and_masks(tmp_path):
    layout = open_layout("shanghaitech", write_shanghaitech(tmp_path))
    assert [(v.split, v.name, v.fps) for v in layout.videos()] == [("train", "01_001", None), ("test", "01_0014", 24.0)]
    assert layout.labels(layout.videos()[1], 6).tolist() == [0, 0, 1, 0, 0, 0]


def test_shanghaitech_labels_one_frame_longer_are_refused_with_both_numbers(tmp_path):
    layout = open_layout("shanghaitech", write_shanghaitech(tmp_path, labels=7))
    with pytest.raises(DataError, match="7 labels for 6 frames"):
        layout.labels(layout.videos()[1], 6)


def test_ubnormal_trains_on_normal_video_and_labels_by_0_based_tracks(tmp_path):
    layout = open_layout("ubnormal", write_ubnormal(tmp_path, "1.0,2.0,3.0\n2.0,5.0,5.0\n"))
    normal, abnormal = (v for v in layout.videos() if "scenario_2" in v.name or "fog" in v.name)
    normal, abnormal = (normal, abnormal) if normal.name.startswith("normal") else (abnormal, normal)
    assert [v.name for v in layout.videos() if v.split == "train"] == ["normal_scene_1_scenario_1"]
    assert layout.labels(abnormal, 6).tolist() == [0, 0, 1, 1, 0, 1]
    assert layout.labels(normal, 6).tolist() == [0] * 6


def test_new_tracks_replace_the_others(tmp_path):
    root = write_ubnormal(tmp_path)
    name = UBNORMAL_TEST
    (root / "Scene2" / f"{name}_annotations" / f"{name}_new_tracks.txt").write_text("1,0,0\n")
    layout = open_layout("ubnormal", root)
    video = next(v for v in layout.videos() if v.name == name)
    assert layout.labels(video, 6).tolist() == [1, 0, 0, 0, 0, 0]


def test_shanghaitech_trains_on_extracted_frames_too(tmp_path):
    layout = open_layout("shanghaitech", write_shanghaitech(tmp_path, training="frames"))
    assert [(v.split, v.name, v.fps) for v in layout.videos()] == [("train", "01_001", 24.0), ("test", "01_0014", 24.0)]


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ("1,2\n", "2 values instead"),
        ("", "has no tracks"),
        ("1,2.5,3\n", "whole"),
        ("1,2,9\n", "ends at frame 9"),
        ("1,a,3\n", "'a' is no number"),
    ],
)
def test_broken_tracks_are_refused(tmp_path, tracks, message):
    layout = open_layout("ubnormal", write_ubnormal(tmp_path, tracks))
    video = next(v for v in layout.videos() if v.label_source)
    with pytest.raises(DataError, match=message):
        layout.labels(video, 6)


def test_name_lists_cannot_leave_the_root_and_name_what_is_missing(tmp_path):
    root = write_ubnormal(tmp_path)
    (root / "normal_training_video_names.txt").write_text("../../scene_1_secret\nnormal_scene_1_scenario_9\n")
    with pytest.raises(DataError) as refusal:
        open_layout("ubnormal", root)
    assert re.search(r"'../../scene_1_secret' is no name of a video \(normal_scene_1", str(refusal.value))
    assert "Scene1/normal_scene_1_scenario_9.mp4 is missing" in str(refusal.value)


def test_a_training_list_of_normal_videos_has_no_abnormal_one(tmp_path):
    root = write_ubnormal(tmp_path)
    (root / "normal_training_video_names.txt").write_text(f"{UBNORMAL_TEST}\n")
    with pytest.raises(DataError, match=f"'{UBNORMAL_TEST}' is no name of a video"):
        open_layout("ubnormal", root)
