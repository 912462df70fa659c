"""Nothing that lies in a data root is run, leads out of it, or asks for more memory than its bytes are worth."""

import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from miniatures import (
    UBNORMAL_TEST,
    mask_of,
    write_abnormal_training,
    write_avenue,
    write_folder,
    write_images,
    write_masks,
    write_ped2,
    write_shanghaitech,
    write_ubnormal,
)

from aed_lightning.core import DataError
from aed_lightning.data import npz, open_layout
from aed_lightning.data.images import read_color, read_gray
from aed_lightning.data.layouts.labels import read_labels
from aed_lightning.data.layouts.matlab import read_mat
from aed_lightning.data.layouts.ubnormal import abnormal_training_videos
from aed_lightning.data.readers import open_video

SIZE = (24, 32)


class Payload:
    """Makes a folder where it is unpickled."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self):
        return os.mkdir, (str(self.ran),)


def png_that_claims(path: Path, width: int, height: int) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    return path


def npy_that_claims(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(100)


def array_or_message(read: Callable[[], np.ndarray]) -> np.ndarray | str:
    try:
        return read()
    except DataError as error:
        return str(error)


def mask_of_walk(root: Path):
    layout = open_layout("folder", root)
    read = layout.masks(layout.videos()[2], 6, SIZE)
    return read(0)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_pickle_in_masks_is_never_run(tmp_path, wrapped):
    root = write_shanghaitech(tmp_path / "data")
    layout = open_layout("shanghaitech", root)
    file = root / "testing/test_pixel_mask/01_0014.npy"
    if wrapped:
        np.save(file, np.array([Payload(tmp_path / "ran")] * 6), allow_pickle=True)
    else:
        file.write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(DataError, match=r"01_0014\.npy is no plain \.npy array"):
        layout.masks(layout.videos()[1], 6, SIZE)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_in_an_archive_of_masks_is_never_run(tmp_path):
    root = write_folder(tmp_path / "data")
    (root / "labels/masks").mkdir()
    np.savez(root / "labels/masks/walk.npz", np.array([Payload(tmp_path / "ran")] * 6), allow_pickle=True)
    with pytest.raises(DataError, match=r"walk\.npz is no \.npz archive of plain arrays"):
        mask_of_walk(root)
    assert not (tmp_path / "ran").exists()


def test_a_mat_file_with_anything_but_numbers_and_cells_of_them_is_refused(tmp_path):
    nested = np.zeros((2, 2))
    for _ in range(3):
        around = np.empty((1, 1), dtype=object)
        around[0, 0], nested = nested, around
    for value in ({"system": "rm -rf /"}, "text", scipy.sparse.eye_array(3), np.array([1j]), nested):
        scipy.io.savemat(tmp_path / "odd.mat", {"gt": value})
        with pytest.raises(DataError, match=r"odd\.mat: a variable is neither numbers nor cells of numbers"):
            read_mat(tmp_path / "odd.mat", "gt")


@pytest.mark.parametrize("packed", [True, False])
def test_a_mat_file_is_read_as_scipy_reads_it(tmp_path, packed):
    cells = np.empty((2, 2), dtype=object)
    cells[0, :], cells[1, :] = (
        [np.zeros((2, 0)), np.eye(3, dtype=bool)],
        [np.array([[1.5]]), np.arange(6, dtype=np.int16)],
    )
    for value in (cells, np.zeros((2, 3, 4), np.uint8), np.arange(300.0)):
        scipy.io.savemat(tmp_path / "a.mat", {"text": "x" * 999, "gt": value, "z": {"a": 1}}, do_compression=packed)
        ours, theirs = read_mat(tmp_path / "a.mat", "gt"), scipy.io.loadmat(tmp_path / "a.mat")["gt"]
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert all(np.array_equal(one, other) for one, other in zip(ours.flat, theirs.flat, strict=True))


@pytest.mark.parametrize(("position", "value"), [(368, 186), (368, 166), (296, 99), (265, 104), (225, 31), (193, 254)])
def test_a_mat_file_that_would_end_the_interpreter_is_refused(tmp_path, position, value):
    """Found by changing bytes at random: scipy 1.17 ends with a signal on most of them."""
    cells = np.empty((1, 3), dtype=object)
    cells[0, :] = [np.array([[1], [2]]), np.array([[3], [4]]), np.zeros((2, 0))]
    scipy.io.savemat(tmp_path / "changed.mat", {"gt": cells})
    content = bytearray((tmp_path / "changed.mat").read_bytes())
    assert len(content) == 376
    content[position] = value
    (tmp_path / "changed.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"changed\.mat"):
        read_mat(tmp_path / "changed.mat", "gt")


@pytest.mark.parametrize(
    "content", [b"", b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(99)]
)
def test_an_odd_mat_file_is_refused(tmp_path, content):
    (tmp_path / "odd.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.mat (cannot be read as a \.mat file|has no variable)"):
        read_mat(tmp_path / "odd.mat", "gt")


@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), packed=st.booleans()
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mat_file_with_changed_bytes_gives_an_array_or_one_error(tmp_path, flips, packed):
    file = tmp_path / "flipped.mat"
    cells = np.empty((1, 3), dtype=object)
    cells[0, :] = [np.array([[1], [2]]), np.array([[3], [4]]), np.zeros((2, 0))]
    scipy.io.savemat(file, {"gt": cells}, do_compression=packed)
    content = bytearray(file.read_bytes())
    for position, value in flips:
        content[position % len(content)] = value
    file.write_bytes(content)
    outcome = array_or_message(lambda: read_mat(file, "gt"))
    assert isinstance(outcome, np.ndarray) or str(file) in outcome


@given(st.binary(max_size=200), st.sampled_from([".npy", ".csv", ".txt"]))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_a_label_file_are_labels_or_one_error(tmp_path, content, suffix):
    file = tmp_path / f"labels{suffix}"
    file.write_bytes(content)
    outcome = array_or_message(lambda: read_labels(file, 1))
    assert str(file) in outcome if isinstance(outcome, str) else outcome.tolist() in ([0], [1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1e400\n", "is no whole number below"),
        ("0," + "9" * 400 + "\n", "is no whole number below"),
        ("0,1_0\n", "'1_0' is no number"),
        ("0," + "1" * 200_000 + "\n", "no table of short cells"),
    ],
)
def test_numbers_that_no_program_would_write_are_refused(tmp_path, text, message):
    (tmp_path / "walk.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path / "walk.csv", 1)


@pytest.mark.parametrize(("width", "height"), [(8193, 8193), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("read", [read_color, read_gray])
def test_an_image_bomb_is_refused_by_its_header(tmp_path, read, width, height):
    file = png_that_claims(tmp_path / "bomb.png", width, height)
    with pytest.raises(DataError, match=r"bomb\.png (claims|cannot be read as an image)"):
        read(file)


def test_an_image_bomb_among_frames_and_masks_is_named(tmp_path):
    folder = write_images(tmp_path / "v")
    png_that_claims(folder / "004.png", 60_000, 60_000)
    with pytest.raises(DataError, match=r"v/004\.png claims"):
        list(open_video(folder).frames())
    root = write_folder(tmp_path / "data")
    write_masks(root / "labels/masks/walk", [0] * 6, "{:06d}.png", 0)
    png_that_claims(root / "labels/masks/walk/000000.png", 60_000, 60_000)
    with pytest.raises(DataError, match=r"walk/000000\.png claims"):
        mask_of_walk(root)


@pytest.mark.parametrize(("shape", "descr"), [((2**50,), "|u1"), ((6, 2**20, 2**20), "|u1"), ((2**62, 4), "<f8")])
def test_a_header_that_promises_a_huge_array_of_masks_is_refused(tmp_path, shape, descr):
    root = write_shanghaitech(tmp_path / "data")
    layout = open_layout("shanghaitech", root)
    (root / "testing/test_pixel_mask/01_0014.npy").write_bytes(npy_that_claims(shape, descr))
    with pytest.raises(DataError, match=r"no plain \.npy array"):
        layout.masks(layout.videos()[1], 6, SIZE)
    own = write_folder(tmp_path / "own")
    (own / "labels/masks").mkdir()
    with zipfile.ZipFile(own / "labels/masks/walk.npz", "w") as archive:
        archive.writestr("masks.npy", npy_that_claims(shape, descr))
    with pytest.raises(DataError, match=r"walk\.npz: its header promises \d+ bytes of \d+"):
        mask_of_walk(own)


def test_an_archive_that_unpacks_too_far_is_refused(tmp_path, monkeypatch):
    root = write_folder(tmp_path)
    (root / "labels/masks").mkdir()
    np.savez_compressed(root / "labels/masks/walk.npz", np.zeros((6, *SIZE), bool))
    monkeypatch.setattr(npz, "LARGEST_UNPACKED", 4000)
    with pytest.raises(DataError, match=r"walk\.npz unpacks to \d+ bytes, more than 4000"):
        mask_of_walk(root)


def test_what_claims_to_be_huge_takes_no_memory(tmp_path):
    """In a process of its own, whose peak no other test has raised before."""
    png_that_claims(tmp_path / "bomb.png", 60_000, 60_000)
    (tmp_path / "bomb.npy").write_bytes(npy_that_claims((2**34,)))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("masks.npy", npy_that_claims((6, 2**20, 2**14)))
    scipy.io.savemat(tmp_path / "bomb.mat", {"gt": np.zeros(40_000_000, np.uint8)}, do_compression=True)
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from aed_lightning.core import DataError; from aed_lightning.data import images\n"
        "from aed_lightning.data.layouts import labels, masks, matlab\n"
        "matlab.LARGEST_CONTENT = 2**24; root = Path(sys.argv[1])\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = peak()\n"
        "for read in (lambda: images.read_gray(root / 'bomb.png'), lambda: labels.read_npy(root / 'bomb.npy'),\n"
        "             lambda: masks.array_masks(root / 'bomb.npz', 6, (24, 32)),\n"
        "             lambda: matlab.read_mat(root / 'bomb.mat', 'gt')):\n"
        "    try: read()\n"
        "    except DataError: continue\n"
        "    raise SystemExit('not refused')\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64


def link_out(path: Path, outside: Path) -> None:
    """Move what is at `path` to `outside` and leave a link to it."""
    outside.parent.mkdir(parents=True, exist_ok=True)
    path.rename(outside)
    path.symlink_to(outside)


@pytest.mark.parametrize(
    ("layout", "write", "linked"),
    [
        ("ped2", write_ped2, "UCSDped2/Test/Test001_gt"),
        ("ped2", write_ped2, "UCSDped2/Test/Test001_gt/003.bmp"),
        ("ped2", write_ped2, "UCSDped2/Test/UCSDped2.m"),
        ("avenue", write_avenue, "ground_truth_demo/testing_label_mask/2_label.mat"),
        ("avenue", write_avenue, "ground_truth_demo"),
        ("shanghaitech", write_shanghaitech, "testing/test_pixel_mask/01_0014.npy"),
        ("shanghaitech", write_shanghaitech, "testing/test_frame_mask"),
        ("ubnormal", write_ubnormal, f"Scene2/{UBNORMAL_TEST}_annotations"),
        ("ubnormal", write_ubnormal, f"Scene2/{UBNORMAL_TEST}_annotations/{UBNORMAL_TEST}_0002_gt.png"),
        ("ubnormal", write_ubnormal, "Scene2"),
        ("ubnormal", write_ubnormal, "abnormal_test_video_names.txt"),
        ("folder", write_folder, "labels/frames/walk.npy"),
        ("folder", write_folder, "labels"),
        ("folder", write_folder, "test"),
    ],
)
def test_a_link_out_of_the_root_is_refused_and_not_followed(tmp_path, layout, write, linked):
    root = write(tmp_path / "data")
    link_out(root / linked, tmp_path / "outside" / Path(linked).name)
    with pytest.raises(DataError, match=r"leads out of the root, to .*outside.*copy it instead|is missing"):
        open_layout(layout, root)


@pytest.mark.parametrize("linked", ["masks/walk", "masks/walk/000002.png", "tracks/walk.csv"])
def test_own_masks_and_tracks_that_are_links_out_of_the_root_are_refused(tmp_path, linked):
    root = write_folder(tmp_path / "data")
    write_masks(root / "labels/masks/walk", [0, 0, 1, 1, 0, 0], "{:06d}.png", 0)
    (root / "labels/tracks").mkdir()
    (root / "labels/tracks/walk.csv").write_text("track_id,frame,x0,y0,x1,y1,kind\n")
    link_out(root / "labels" / linked, tmp_path / "outside" / Path(linked).name)
    with pytest.raises(DataError, match="leads out of the root"):
        open_layout("folder", root)


@pytest.mark.parametrize(
    "line",
    [
        "../../abnormal_scene_1_scenario_1",
        "abnormal_scene_1_../../../etc/passwd",
        "/etc/abnormal_scene_1_scenario_1",
        "abnormal_scene_1\x1b[2Jscenario",
        "abnormal_scene_1\\..\\scenario",
        "abnormal_scene_99999999999999999999_scenario_1",
        "abnormal_scene_1_" + "x" * 300,
        "normal_scene_1_scenario_1",
    ],
)
def test_a_line_of_a_list_of_names_that_is_no_name_is_refused_and_shown_without_control_characters(tmp_path, line):
    root = write_abnormal_training(tmp_path)
    (root / "abnormal_training_video_names.txt").write_text(line + "\n")
    with pytest.raises(DataError, match="is no name of a video") as refusal:
        abnormal_training_videos(root)
    assert "\x1b" not in str(refusal.value)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(["..", "/", "a/b"])))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_list_of_names_leads_out_of_the_root(tmp_path, names):
    if not (tmp_path / "Scene3").is_dir():
        write_abnormal_training(tmp_path)
    lines = [*names, *(f"abnormal_scene_3_{name}" for name in names)]
    (tmp_path / "abnormal_training_video_names.txt").write_text("\n".join(lines), encoding="utf-8")
    try:
        videos = abnormal_training_videos(tmp_path)
    except DataError:
        return
    assert all(video.path.resolve().is_relative_to(tmp_path.resolve()) for video in videos)


@pytest.mark.parametrize("content", [b"\xff\xfeabc", b"\x00\x80\x81"])
def test_a_list_of_names_that_is_no_text_is_refused(tmp_path, content):
    root = write_abnormal_training(tmp_path)
    (root / "abnormal_training_video_names.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"video_names\.txt is no UTF-8 text"):
        abnormal_training_videos(root)


def test_the_mini_archive_itself_is_read(tmp_path):
    root = write_folder(tmp_path)
    (root / "labels/masks").mkdir()
    np.savez(root / "labels/masks/walk.npz", np.stack([mask_of(n) for n in range(6)]))
    assert np.array_equal(mask_of_walk(root), mask_of(0))
