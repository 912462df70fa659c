import io
from pathlib import Path

from rich.console import Console

from aed_lightning.cli.check_table import check_table
from aed_lightning.data.store import VideoRow
from aed_lightning.data.verify import CheckedVideo


def row(**facts) -> VideoRow:
    settings = {"name": "01", "split": "test", "frames": 180, "claimed_frames": 180, "fps": 25.0}
    source = {"source_size": (360, 640), "source": "01.avi", "bytes": 1, "mtime_ns": 1, "sha256": "0"}
    return VideoRow(**{**settings, **source, **facts})


def lines(*videos: CheckedVideo, width: int = 120) -> list[list[str]]:
    shown = io.StringIO()
    Console(file=shown, width=width).print(check_table(videos))
    cells = [line.split("│") for line in shown.getvalue().splitlines() if "│" in line]
    return [[cell.strip() for cell in line[1:-1]] for line in cells]


def test_a_row_says_what_the_store_holds_of_a_video_and_how_many_problems_it_has():
    labeled = row(labeled=True, label_source="labels/01.npy", anomalous_frames=120, fps=29.97003)
    shown = lines(
        CheckedVideo("test", "01", labeled, ["one", "two"]),
        CheckedVideo("test", "02", row(labeled=True, anomalous_frames=0), []),
        CheckedVideo("train", "03", row(fps=None), []),
        CheckedVideo("train", "04", None, ["not in the store"]),
    )
    assert shown == [
        ["01", "test", "180", "labels/01.npy", "120", "640x360", "29.97", "2"],
        ["02", "test", "180", "normal by its name", "0", "640x360", "25", "none"],
        ["03", "train", "180", "none", "", "640x360", "", "none"],
        ["04", "train", "", "", "", "", "", "1"],
    ]


def test_on_a_narrow_terminal_no_number_is_cut():
    label = Path("ground_truth_demo/testing_label_mask/17_label.mat")
    video = CheckedVideo("test", "17", row(labeled=True, label_source=str(label), anomalous_frames=384), [])
    shown = lines(video, width=80)
    assert "".join(cells[3] for cells in shown) == str(label)
    assert [shown[0][n] for n in (2, 4, 5, 6, 7)] == ["180", "384", "640x360", "25", "none"]
