import re

import numpy as np
import pytest
from miniatures import write_frames_layout, write_images, write_ped2

from aed_lightning.core import DataError
from aed_lightning.data import open_layout
from aed_lightning.data.layouts.ucsd import parse_gt_frames


def labels_of(layout, frames=6):
    return [layout.labels(v, frames).tolist() for v in layout.videos() if v.split == "test"]


def test_the_original_layout_is_read_with_1_based_inclusive_ranges(tmp_path):
    layout = open_layout("ped2", write_ped2(tmp_path))
    assert [v.name for v in layout.videos()] == ["Train001", "Train002", "Train010", "Test001", "Test002"]
    assert labels_of(layout) == [[0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]]
    assert (layout.channels, layout.notes, layout.videos()[0].fps) == (1, [], 10.0)
    assert layout.labels(layout.videos()[0], 6) is None


@pytest.mark.parametrize("labels", ["mat", "npy"])
def test_the_frames_layout_reads_either_label_file(tmp_path, labels):
    layout = open_layout("ped2", write_frames_layout(tmp_path, labels=labels))
    assert [(v.split, v.name) for v in layout.videos()] == [(s, n) for s in ("train", "test") for n in ("01", "02")]
    assert labels_of(layout) == [[0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]]


def test_a_label_row_of_another_length_is_refused_with_both_numbers(tmp_path):
    layout = open_layout("ped2", write_frames_layout(tmp_path, labels="npy"))
    np.save(tmp_path / "ped2" / "frame_labels_ped2.npy", np.zeros(11))
    with pytest.raises(DataError, match="11 labels for 12 frames"):
        labels_of(layout)


@pytest.mark.parametrize(
    "line",
    [
        "system('rm -rf /')",
        "gt_frame = [1:2];",
        "TestVideoFile{end+1}.gt_frame = [1:f()];",
        "TestVideoFile{end+1}.gt_frame = [1:2]; x = 1;",
        "TestVideoFile{end+1}.gt_frame = [3];",
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_number(tmp_path, line):
    with pytest.raises(DataError, match=r"UCSDped2\.m: line 2 is not understood: .*" + re.escape(line[:10])):
        parse_gt_frames("TestVideoFile = {}; % start\n" + line, tmp_path / "UCSDped2.m")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("[5:7];\n[1:2];", "ends at frame 6 .* of 6 frames"),
        ("[4:2];\n[1:2];", "from frame 3 to 1 .*is no range"),
        ("[0:2];\n[1:2];", "from frame -1"),
    ],
)
def test_events_that_leave_the_video_are_refused(tmp_path, events, message):
    layout = open_layout("ped2", write_ped2(tmp_path, events))
    with pytest.raises(DataError, match=message):
        labels_of(layout)


def test_another_number_of_test_videos_is_refused_with_both_numbers(tmp_path):
    with pytest.raises(DataError, match="1 test videos in it, 2 in"):
        open_layout("ped2", write_ped2(tmp_path, "[1:2];"))


def test_ped1_has_its_own_names_and_message(tmp_path):
    write_images(tmp_path / "other" / "x")
    with pytest.raises(DataError, match=r"(?s)has neither layout.*UCSDped1/Train.*UCSD SVCL group.*--data\.root"):
        open_layout("ped1", tmp_path)


def test_ped1_reads_like_ped2_and_says_that_only_some_videos_have_masks(tmp_path):
    layout = open_layout("ped1", write_ped2(tmp_path, name="ped1"))
    assert labels_of(layout) == [[0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]]
    assert [v.mask_source is not None for v in layout.videos() if v.split == "test"] == [True, False]
    assert layout.notes == ["1 of 2 test videos have masks"]


def test_frames_without_any_label_file_are_refused_with_the_name_that_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"ped2\.mat is missing: no labels of the test videos"):
        open_layout("ped2", write_frames_layout(tmp_path, labels="none"))
