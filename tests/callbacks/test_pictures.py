import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aed_lightning.callbacks.pictures import GAP, side_by_side, write_pictures
from aed_lightning.core import FrameScores


def scored(name: str, smoothed: list[float], label: list[int] | None) -> FrameScores:
    scores = np.array(smoothed, dtype=np.float64)
    return FrameScores(name, np.arange(len(scores)), scores, scores, None if label is None else np.array(label))


def seen(video: str, frame: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full((3, 8, 16), -1 + frame / 10, dtype=np.float32), np.full((2, 4), frame / 10, dtype=np.float32)


def test_the_worst_frames_are_written_and_listed(tmp_path: Path):
    write_pictures(tmp_path, [scored("a", [0.1, 0.9, 0.3], [0, 0, 1]), scored("b", [0.4], [0])], seen)
    index = json.loads((tmp_path / "index.json").read_text())
    alarms, misses = index["false_alarms"], index["misses"]
    assert index["version"] == 1
    assert [(entry["video"], entry["frame"], entry["score"]) for entry in alarms] == [("a", 1, 0.9), ("b", 0, 0.4)]
    assert [(entry["video"], entry["frame"], entry["score"]) for entry in misses] == [("a", 2, 0.3)]
    with Image.open(tmp_path / alarms[0]["file"]) as picture:
        pixels = np.asarray(picture)
    np.testing.assert_array_equal(pixels, side_by_side(*seen("a", 1)))


def test_pictures_of_an_earlier_evaluation_go_and_other_files_stay(tmp_path: Path):
    (tmp_path / "mine.png").write_text("kept")
    write_pictures(tmp_path, [scored("a", [0.1, 0.9], [0, 1]), scored("b", [0.4], [0])], seen)
    write_pictures(tmp_path, [scored("a", [0.1, 0.9], None)], seen)
    assert {file.name for file in tmp_path.iterdir()} == {"mine.png", "index.json"}
    assert json.loads((tmp_path / "index.json").read_text()) == {"version": 1, "false_alarms": [], "misses": []}


def test_the_map_stands_right_of_the_frame_each_token_over_its_patch():
    frame = np.linspace(-1, 1, 3 * 8 * 16, dtype=np.float32).reshape(3, 8, 16)
    grid = np.array([[0, 0.5, 0, 0], [0, 0, 0, 2]], dtype=np.float32)
    picture = side_by_side(frame, grid)
    factor = 15
    assert picture.shape == (8 * factor, (16 + GAP + 16) * factor, 3)
    small = picture[::factor, ::factor]
    np.testing.assert_array_equal(small[:, :16], np.rint((frame.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8))
    heat = small[:, 16 + GAP :].astype(int)
    brightness = heat.sum(axis=2).reshape(2, 4, 4, 4)
    assert np.ptp(brightness, axis=(1, 3)).max() == 0
    tokens = brightness[:, 0, :, 0]
    assert tokens[1, 3] > tokens[0, 1] > tokens[0, 0] == tokens[1, 0]


@pytest.mark.parametrize("width", [240, 640])
def test_large_frames_are_not_enlarged(width: int):
    picture = side_by_side(np.zeros((3, 8, width), dtype=np.float32), np.zeros((1, width // 8), dtype=np.float32))
    assert picture.shape == (8, 2 * width + GAP, 3)
