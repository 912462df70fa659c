"""UBnormal as a benchmark, in the paper's setting: train on its normal videos, test on normal and abnormal ones."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..names import name_problem
from .description import Description
from .labels import from_ranges, read_text, whole_number
from .layout import Split, VideoSource
from .scan import Scan

EXPECTED = """
Scene1/normal_scene_1_scenario_1.mp4, Scene1/abnormal_scene_1_scenario_1.mp4 …
Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt …
normal_training_video_names.txt, normal_test_video_names.txt, abnormal_test_video_names.txt
"""
SOURCE = "Ask the UBnormal authors for the data (CC BY-NC-ND)"
DESCRIPTION = Description(
    title="UBnormal: 29 rendered scenes, color, up to 1280x720 at 30 frames/s",
    expected=EXPECTED,
    source=SOURCE,
    licence="CC BY-NC-ND 4.0",
    citation="""
A. Acsintoae, A. Florescu, M.-I. Georgescu, T. Mare, P. Sumedrea, R. T. Ionescu, F. S. Khan, M. Shah: UBnormal: New
Benchmark for Supervised Open-Set Video Anomaly Detection. CVPR 2022
""",
    labels="""
A row of a tracks file is object_id, first, last: 0-based frames, the last one included. A frame is anomalous where any
track covers it; videos named normal have no anomalous frame. Where there is a ..._new_tracks.txt, it replaces
..._tracks.txt. Splits are the published lists of names. Trained on the normal training videos, as in the paper.
268 training videos, about 116,000 frames; 211 test videos, about 93,000 frames.
""",
)
LISTS: tuple[tuple[Split, str], ...] = (
    ("train", "normal_training_video_names.txt"),
    ("test", "normal_test_video_names.txt"),
    ("test", "abnormal_test_video_names.txt"),
)


class UBnormal:
    """UBnormal. Raises DataError with all problems of `root`."""

    name = "ubnormal"
    channels = 3

    def __init__(self, root: Path) -> None:
        scan = Scan(root, EXPECTED, SOURCE)
        for split, names in LISTS:
            if (root / names).is_file() and scan.inside(root / names):
                _add_list(scan, split, root / names)
            else:
                scan.problems.append(f"{names} is missing")
        self._videos = scan.finish()
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        """A frame is anomalous where any track covers it; videos named normal have none."""
        if video.split == "train":
            return None
        if video.label_source is None:
            return np.zeros(frames, dtype=np.uint8)
        return from_ranges(read_tracks(video.label_source), frames, video.label_source)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None


def read_tracks(file: Path) -> list[tuple[int, int]]:
    """First and last frame, 0-based, of each row `object_id, first, last` of a tracks file. Raises DataError."""
    ranges = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        values = [whole_number(value, f"{file}: line {number}") for value in line.split(",")] if line.strip() else []
        if values and len(values) != 3:
            raise DataError(f"{file}: line {number} has {len(values)} values instead of object_id, first, last")
        if values:
            ranges.append((values[1], values[2]))
    if not ranges:
        raise DataError(f"{file} has no tracks; an abnormal video has at least one")
    return ranges


def _add_list(scan: Scan, split: Split, names: Path) -> None:
    lines = [line.strip() for line in read_text(names).splitlines() if line.strip()]
    if not lines:
        scan.problems.append(f"{names.name} is empty")
    for line in lines:
        name = line.removesuffix(".mp4")
        scene = re.search(r"scene_([0-9]+)", name)
        if name_problem(name) or scene is None:
            scan.problems.append(f"{names.name}: {line!r} is no name of a video (abnormal_scene_1_scenario_1)")
            continue
        folder = scan.root / f"Scene{scene[1]}"
        tracks = None if name.startswith("normal") else _tracks(scan, folder, name)
        scan.add(split, folder / f"{name}.mp4", tracks)


def _tracks(scan: Scan, folder: Path, name: str) -> Path | None:
    annotations = folder / f"{name}_annotations"
    for file in (annotations / f"{name}_new_tracks.txt", annotations / f"{name}_tracks.txt"):
        if file.is_file():
            return file if scan.inside(file) else None
    scan.problems.append(f"{folder.name}/{name}.mp4 has no labels: {name}_annotations/{name}_tracks.txt is missing")
    return None
