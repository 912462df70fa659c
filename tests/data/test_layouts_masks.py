import cv2
import numpy as np
import pytest
from miniatures import (
    PED2_LABELS,
    UBNORMAL_TEST,
    mask_of,
    write_avenue,
    write_folder,
    write_masks,
    write_ped2,
    write_shanghaitech,
    write_ubnormal,
    write_vol_label,
)

from aed_lightning.core import DataError, Region
from aed_lightning.data import open_layout
from aed_lightning.data.layouts import LAYOUTS, Layout

SIZE = (24, 32)


def masks_of(layout: Layout, name: str, frames: int = 6, size: tuple[int, int] = SIZE) -> np.ndarray:
    video = next(v for v in layout.videos() if v.name == name)
    read = layout.masks(video, frames, size)
    masks = np.stack([read(frame) for frame in range(frames)])
    assert masks.dtype == bool
    return masks


def squares(labels: list[int]) -> np.ndarray:
    return np.stack([mask_of(index) & bool(label) for index, label in enumerate(labels)])


@pytest.fixture(params=["npz", "png"])
def own_folder(request, tmp_path):
    root = write_folder(tmp_path)
    (root / "labels/masks").mkdir()
    if request.param == "png":
        write_masks(root / "labels/masks/walk", [0, 0, 1, 1, 0, 0], "{:06d}.png", 0)
    else:
        np.savez_compressed(root / "labels/masks/walk.npz", masks=squares([0, 0, 1, 1, 0, 0]))
    return root


@pytest.mark.parametrize("video", PED2_LABELS)
def test_ucsd_masks_are_sorted_by_the_number_in_their_names(tmp_path, video):
    masks = masks_of(open_layout("ped2", write_ped2(tmp_path)), video)
    assert np.array_equal(masks, squares(PED2_LABELS[video]))


def test_avenue_masks_are_the_cells_of_the_volume(tmp_path):
    assert np.array_equal(masks_of(open_layout("avenue", write_avenue(tmp_path)), "02"), squares([0, 1, 0, 0, 1, 0]))


def test_shanghaitech_masks_are_an_array_a_video(tmp_path):
    layout = open_layout("shanghaitech", write_shanghaitech(tmp_path))
    assert np.array_equal(masks_of(layout, "01_0014"), squares([0, 0, 1, 0, 0, 0]))


def test_ubnormal_masks_are_the_objects_whose_tracks_cover_the_frame_without_the_margin(tmp_path):
    layout = open_layout("ubnormal", write_ubnormal(tmp_path))
    assert np.array_equal(masks_of(layout, UBNORMAL_TEST), squares([0, 0, 1, 1, 0, 0]))
    assert not masks_of(layout, "normal_scene_1_scenario_2").any()


def test_own_masks_are_images_or_an_archive(own_folder):
    assert np.array_equal(masks_of(open_layout("folder", own_folder), "walk"), squares([0, 0, 1, 1, 0, 0]))


def test_every_layout_agrees_with_its_own_labels(tmp_path, own_folder):
    roots = {
        "ped2": write_ped2(tmp_path / "ped2"),
        "avenue": write_avenue(tmp_path / "avenue"),
        "shanghaitech": write_shanghaitech(tmp_path / "shanghaitech"),
        "ubnormal": write_ubnormal(tmp_path / "ubnormal"),
        "ped1": write_ped2(tmp_path / "ped1", name="ped1"),
        "folder": own_folder,
    }
    assert set(roots) == set(LAYOUTS)
    for name, root in roots.items():
        layout = open_layout(name, root)
        for video in layout.videos():
            read = layout.masks(video, 6, SIZE)
            if read is not None:
                labels = [int(read(frame).any()) for frame in range(6)]
                assert labels == layout.labels(video, 6).tolist(), (name, video.name)
        assert any(video.mask_source for video in layout.videos()), name


def test_videos_without_masks_have_none(tmp_path):
    for name, write in (
        ("folder", write_folder),
        ("avenue", write_avenue),
        ("ped1", lambda r: write_ped2(r, name="ped1")),
    ):
        layout = open_layout(name, write(tmp_path / name))
        bare = [video for video in layout.videos() if video.mask_source is None]
        assert bare
        assert all(layout.masks(video, 6, SIZE) is None for video in bare)


def test_a_mask_of_another_size_than_its_frame_is_refused_with_both_sizes(tmp_path, own_folder):
    roots = {
        ("ped2", "Test001"): write_ped2(tmp_path / "ped2"),
        ("avenue", "02"): write_avenue(tmp_path / "avenue"),
        ("shanghaitech", "01_0014"): write_shanghaitech(tmp_path / "shanghaitech"),
        ("folder", "walk"): own_folder,
    }
    for (name, video), root in roots.items():
        with pytest.raises(DataError, match=r"the mask is 32x24, the frame 30x24; a mask has the size of its frame"):
            masks_of(open_layout(name, root), video, size=(24, 30))


@pytest.mark.parametrize(("size", "cut"), [((24, 32), True), ((10, 17), True), ((9, 32), False), ((25, 34), False)])
def test_ubnormal_cuts_a_margin_of_a_few_rows_and_columns_and_no_more(tmp_path, size, cut):
    layout = open_layout("ubnormal", write_ubnormal(tmp_path))
    if cut:
        assert masks_of(layout, UBNORMAL_TEST, size=size).shape == (6, *size)
    else:
        with pytest.raises(DataError, match=rf"the mask is 33x26, the frame {size[1]}x{size[0]}"):
            masks_of(layout, UBNORMAL_TEST, size=size)


def test_another_number_of_masks_than_frames_is_refused_with_both_numbers(tmp_path, own_folder):
    roots = {
        ("ped2", "Test002"): write_ped2(tmp_path / "ped2"),
        ("avenue", "02"): write_avenue(tmp_path / "avenue"),
        ("shanghaitech", "01_0014"): write_shanghaitech(tmp_path / "shanghaitech"),
        ("folder", "walk"): own_folder,
    }
    for (name, video), root in roots.items():
        with pytest.raises(DataError, match=r"6 masks for 7 frames; mend the masks or the video"):
            masks_of(open_layout(name, root), video, frames=7)


def test_a_missing_annotation_image_is_named(tmp_path):
    root = write_ubnormal(tmp_path)
    (root / f"Scene2/{UBNORMAL_TEST}_annotations/{UBNORMAL_TEST}_0003_gt.png").unlink()
    with pytest.raises(DataError, match=r"0003_gt\.png is missing: a track covers its frame"):
        masks_of(open_layout("ubnormal", root), UBNORMAL_TEST)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((6, 24)), "one mask of whole numbers a frame"),
        (np.full((1, 6), "x", dtype=object), "neither numbers nor cells of numbers"),
    ],
)
def test_a_volume_that_is_not_a_mask_a_frame_is_refused(tmp_path, values, message):
    root = write_avenue(tmp_path)
    write_vol_label(root, 2, values)
    with pytest.raises(DataError, match=message):
        masks_of(open_layout("avenue", root), "02")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((6, 24, 32), bool), "b": np.zeros(3)}, "holds 2 arrays; masks are one"),
        ({"a": np.zeros((6, 24, 32))}, r"float64 of shape \(6, 24, 32\); masks are"),
        ({"a": np.zeros((6, 24), bool)}, r"bool of shape \(6, 24\)"),
    ],
)
def test_an_archive_that_is_not_masks_is_refused(tmp_path, arrays, message):
    root = write_folder(tmp_path)
    (root / "labels/masks").mkdir()
    np.savez(root / "labels/masks/walk.npz", **arrays)
    with pytest.raises(DataError, match=rf"walk\.npz:? .*{message}"):
        masks_of(open_layout("folder", root), "walk")


def test_masks_and_tracks_of_no_video_are_refused_with_the_others(tmp_path):
    root = write_folder(tmp_path)
    write_masks(root / "labels/masks/nobody", [1], "{:06d}.png", 0)
    (root / "labels/tracks").mkdir()
    (root / "labels/tracks/noone.csv").write_text("")
    (root / "labels/masks/walk.npy").write_bytes(b"")
    with pytest.raises(DataError) as refusal:
        open_layout("folder", root)
    for part in ("masks/nobody labels no video", "noone.csv labels no video", r"walk.npy: labels end in .npz"):
        assert part in str(refusal.value)


def test_own_tracks_give_a_box_a_line(tmp_path):
    root = write_folder(tmp_path)
    (root / "labels/tracks").mkdir()
    rows = ["track_id,frame,x0,y0,x1,y1,kind", "4,2,1,2,9.5,12,runner", "", "7,3,0,0,32,24,bike"]
    (root / "labels/tracks/walk.csv").write_text("\n".join(rows))
    layout = open_layout("folder", root)
    assert layout.regions(layout.videos()[2], 6, SIZE) == [
        Region(4, 2, (1.0, 2.0, 9.5, 12.0), "runner"),
        Region(7, 3, (0.0, 0.0, 32.0, 24.0), "bike"),
    ]
    assert layout.regions(layout.videos()[0], 6, SIZE) is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,5,1,5,9,x", "line 2: the box 5,1,5,9 is empty"),
        ("1,2,1,1,33,9,x", "leaves the frame of 32x24"),
        ("1,2,-1,1,3,9,x", "the box -1,1,3,9 leaves the frame"),
        ("1,6,1,1,3,9,x", "frame 6 of 6 frames"),
        ("1,2,1,1,nan,9,x", "'nan' is no place"),
        ("1,2,1,1,b,9,x", "'b' is no number"),
        ("1,2,1,1,3,9", "6 columns instead of 7"),
        ("1,2,1,1,3,9,x\n1,2,1,1,3,9,x", "line 3: track 1 is in frame 2 twice"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_line(tmp_path, row, message):
    root = write_folder(tmp_path)
    (root / "labels/tracks").mkdir()
    (root / "labels/tracks/walk.csv").write_text("track_id,frame,x0,y0,x1,y1,kind\n" + row)
    layout = open_layout("folder", root)
    with pytest.raises(DataError, match=rf"walk\.csv: .*{message}"):
        layout.regions(layout.videos()[2], 6, SIZE)


def test_ubnormal_draws_a_box_around_each_object_of_each_track(tmp_path):
    layout = open_layout("ubnormal", write_ubnormal(tmp_path, "7,4,5\n9,2,3\n7.0e+00,1,1\n"))
    video = next(v for v in layout.videos() if v.name == UBNORMAL_TEST)
    assert layout.regions(video, 6, SIZE) == [
        Region(2, 1, (1.0, 4.0, 9.0, 12.0)),
        Region(0, 4, (4.0, 4.0, 12.0, 12.0)),
        Region(0, 5, (5.0, 4.0, 13.0, 12.0)),
    ]
    normal = next(v for v in layout.videos() if v.name == "normal_scene_1_scenario_2")
    assert layout.regions(normal, 6, SIZE) == []


def test_ubnormal_without_annotation_images_still_labels_frames_and_says_so(tmp_path):
    root = write_ubnormal(tmp_path)
    for image in (root / f"Scene2/{UBNORMAL_TEST}_annotations").glob("*.png"):
        image.unlink()
    layout = open_layout("ubnormal", root)
    video = next(v for v in layout.videos() if v.name == UBNORMAL_TEST)
    assert layout.labels(video, 6).tolist() == [0, 0, 1, 1, 0, 0]
    assert layout.masks(video, 6, SIZE) is None
    assert layout.notes == ["0 of 1 abnormal test videos have masks"]


def test_masks_of_one_video_are_read_when_asked_for_and_not_before(tmp_path):
    layout = open_layout("ped2", write_ped2(tmp_path))
    read = layout.masks(layout.videos()[3], 6, SIZE)
    assert read is not None
    cv2.imwrite(str(tmp_path / "UCSDped2/Test/Test001_gt/001.bmp"), np.full(SIZE, 255, np.uint8))
    assert read(0).all()
