from pathlib import Path

import av
import numpy as np

from aed_lightning.runtime.overlay import Overlay
from aed_lightning.runtime.scorer import ScoredFrame
from aed_lightning.scoring.events import Alarm


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_after_its_longest_time_it_goes_on_in_a_file_named_after_its_first_frame(tmp_path):
    picture = np.full((32, 64, 3), 90, np.uint8)
    with Overlay(tmp_path / "overlay.mp4", (32, 64), 5.0, Alarm(1.0, 0.5), longest=1.0) as overlay:
        for number in range(12):
            scored = ScoredFrame(3 * number, 0.1, 0.1, False, 0, np.zeros((4, 8)))
            overlay.write(picture, scored, number / 5, alarmed=False)
            if number == 10:  # a file that is full plays to its last frame before the next one is whole
                assert frames_in(tmp_path / "overlay-15.mp4") == 5
    found = {path.name: frames_in(path) for path in tmp_path.iterdir()}
    assert found == {"overlay.mp4": 5, "overlay-15.mp4": 5, "overlay-30.mp4": 2}


def test_without_a_longest_time_it_is_one_file(tmp_path):
    with Overlay(tmp_path / "overlay.mp4", (32, 64), 5.0, Alarm(1.0, 0.5)) as overlay:
        for number in range(12):
            scored = ScoredFrame(number, 0.1, 0.1, False, 0, np.zeros((4, 8)))
            overlay.write(np.zeros((32, 64, 3), np.uint8), scored, number / 5, alarmed=False)
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.mp4"]
