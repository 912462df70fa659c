import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aed_lightning.core import DataError
from aed_lightning.data.score_files import LABELS, SCORES, read_column, read_frame_scores

RAW, LABEL = [0.25, 0.5, -3.0, 1e-3], [0, 1, 1, 0]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    scores, labels = tmp_path / "scores", tmp_path / "labels"
    scores.mkdir()
    labels.mkdir()
    np.save(scores / "a.npy", np.array(RAW))
    np.save(labels / "a.npy", np.array(LABEL, np.uint8))
    return scores, labels


WRITERS = {
    "array of raw": lambda at: np.savez(at / "v.npz", raw=RAW, smoothed=np.zeros(4)),
    "array of scores": lambda at: np.savez_compressed(at / "v.npz", scores=np.array(RAW)),
    "npy": lambda at: np.save(at / "v.npy", np.array(RAW)),
    "column of an array": lambda at: np.save(at / "v.npy", np.array(RAW)[:, None]),
    "text": lambda at: (at / "v.txt").write_text("".join(f"{value}\n" for value in RAW)),
    "table without header": lambda at: (at / "v.csv").write_text("".join(f"{value}\n" for value in RAW)),
    "table": lambda at: (at / "v.csv").write_text("time, Score\n" + "".join(f"0:00, {value}\n" for value in RAW)),
    "table with raw": lambda at: (at / "v.CSV").write_text("score,raw\n" + "".join(f"7,{value}\n" for value in RAW)),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_scores_are_read_from_every_format(tmp_path: Path, write):
    write(tmp_path)
    (file,) = tmp_path.iterdir()
    column = read_column(file, SCORES)
    np.testing.assert_array_equal(column.values, RAW)
    assert column.values.dtype == np.float64
    assert column.frame_index is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.csv", "frame,label\n0,0\n1,1\n2,1\n3,0\n"),
        ("v.csv", "label\n0\n1\n1\n0\n"),
        ("v.csv", "0\n1\n1\n0\n"),
        ("v.txt", "0\r\n1\r\n1.0\r\n0\r\n"),
    ],
)
def test_labels_are_read_from_tables_and_text(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)
    np.testing.assert_array_equal(read_column(tmp_path / name, LABELS).values, LABEL)


@given(st.lists(st.floats(allow_subnormal=False), min_size=1, max_size=20))
def test_numbers_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, values):
    file = tmp_path_factory.mktemp("numbers") / "v.csv"
    file.write_text("frame,raw\n" + "".join(f"{frame},{value!r}\n" for frame, value in enumerate(values)))
    column = read_column(file, SCORES)
    np.testing.assert_array_equal(column.values, values)
    np.testing.assert_array_equal(column.frame_index, np.arange(len(values)))


def test_scores_without_frame_numbers_meet_labels_one_by_one(folders):
    [video], unscored = read_frame_scores(*folders)
    assert (video.video, video.raw.tolist(), video.label.tolist(), unscored) == ("a", RAW, LABEL, 0)
    assert video.frame_index.tolist() == [0, 1, 2, 3]


def test_frame_numbers_join_scores_to_their_labels_and_frames_left_out_are_counted(folders):
    scores, labels = folders
    (scores / "a.npy").unlink()
    np.savez(scores / "a.npz", scores=[0.5, 0.7, 0.1], frame_index=[3, 1, 2])
    (labels / "a.npy").unlink()
    (labels / "a.csv").write_text("label,frame\n0,5\n0,3\n1,2\n1,1\n0,0\n")
    [video], unscored = read_frame_scores(scores, labels)
    assert (video.frame_index.tolist(), video.label.tolist(), unscored) == ([3, 1, 2], [0, 1, 1], 2)


def test_videos_come_in_natural_order_and_other_files_are_passed_over(folders):
    for folder in folders:
        for name in ("10", "9"):
            np.save(folder / f"{name}.npy", np.array([0, 1]))
        (folder / "README.md").write_text("how these were made")
        (folder / ".hidden.npy").write_text("x")
    videos, _ = read_frame_scores(*folders)
    assert [video.video for video in videos] == ["9", "10", "a"]


def test_all_that_is_wrong_is_listed_at_once(folders, tmp_path: Path):
    scores, labels = folders

    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    def both(name: str, score: object, label: object) -> None:
        np.save(scores / f"{name}.npy", score)
        np.save(labels / f"{name}.npy", label)

    both("short", np.zeros(20), np.zeros(19))
    both("table", np.zeros((4, 2)), np.zeros(4))
    np.save(scores / "bare.npy", np.zeros(3))
    np.save(labels / "alone.npy", np.zeros(3))
    (scores / "a.csv").write_text("raw\n1\n2\n3\n4\n")
    (scores / "cut.npz").write_bytes(b"PK\x03\x04nothing")
    (labels / "cut.txt").write_text("0\n1\n")
    (scores / "evil.npy").write_bytes(pickle.dumps(Payload()))
    (labels / "evil.txt").write_text("0\n1\n")
    np.savez(scores / "other.npz", values=[0.1, 0.2])
    (labels / "other.txt").write_text("0\n1\n")
    np.savez(scores / "late.npz", raw=[0.1, 0.2], frame_index=[3, 4])
    (labels / "late.txt").write_text("0\n1\n0\n1\n")
    (scores / "word.txt").write_text("0.1\nhigh\n")
    (labels / "word.txt").write_text("0\n1\n")
    with pytest.raises(DataError) as refusal:
        read_frame_scores(scores, labels)
    message = str(refusal.value)
    for part in (
        "cannot be used, 10 problems:",
        "short.npy: 20 scores for 19 labels; give one for each",
        "table.npy: raw are float64 of shape (4, 2)",
        "bare.npy: no labels of that name",
        "alone.npy: no scores of that name",
        "are scores of one video; leave one",
        "cut.npz is no .npz archive of plain arrays",
        "evil.npy is no plain .npy array",
        "other.npz has the columns values; name one raw or scores or score",
        "late.npz: frame 4 has a score and no label, as 1 frames in all",
        "word.txt: row 2: 'high' is no number",
    ):
        assert part in message, message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.csv", "", "is empty"),
        ("v.csv", "frame,raw\n0,1\n0.5,1\n", "the frame number 0.5"),
        ("v.csv", "frame,raw\n0,1\n-1,1\n", "the frame number -1"),
        ("v.csv", "frame,raw\n0,1\n1\n", "row 3: '' is no number"),
        ("v.csv", "frame,value\n0,1\n", "has the columns frame; name one raw or scores or score"),
        ("v.txt", "1_0\n", "row 1: '1_0' is no number"),
        ("v.txt", "1 2\n", "row 1: '1 2' is no number"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_row(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as refusal:
        read_column(tmp_path / name, SCORES)
    assert message in str(refusal.value)
    assert name in str(refusal.value)


def test_frame_numbers_are_one_for_each_score_and_labels_one_for_each_frame(folders, tmp_path: Path):
    np.savez(tmp_path / "v.npz", raw=[0.1, 0.2], frame_index=[0])
    with pytest.raises(DataError, match="1 frame numbers for 2 raw"):
        read_column(tmp_path / "v.npz", SCORES)
    scores, labels = folders
    (labels / "a.npy").unlink()
    (labels / "a.csv").write_text("frame,label\n0,1\n1,1\n1,0\n2,0\n")
    with pytest.raises(DataError, match="4 labels for 3 frames; label each frame once"):
        read_frame_scores(scores, labels)


def test_a_folder_that_is_missing_or_has_no_scores_is_named(folders, tmp_path: Path):
    scores, labels = folders
    with pytest.raises(DataError, match=r"--scores .*nowhere does not exist"):
        read_frame_scores(tmp_path / "nowhere", labels)
    with pytest.raises(DataError, match=r"--labels .*a\.npy is no folder"):
        read_frame_scores(scores, labels / "a.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"--scores .*empty has no file that ends in \.npz, \.npy, \.csv, \.txt"):
        read_frame_scores(tmp_path / "empty", labels)
