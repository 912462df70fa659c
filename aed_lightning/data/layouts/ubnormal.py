"""UBnormal as a benchmark, in the paper's setting: train on its normal videos, test on normal and abnormal ones.

And its abnormal training videos, from which anomalies are cut.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError, Region
from ..names import name_problem
from .annotations import annotations_of, read_tracks
from .description import Description
from .labels import from_ranges, read_text
from .layout import Masks, Split, VideoSource
from .scan import Scan

EXPECTED = """
Scene1/normal_scene_1_scenario_1.mp4, Scene1/abnormal_scene_1_scenario_1.mp4 …
Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt …
   and for pixel metrics abnormal_scene_1_scenario_1_0000_gt.png … beside it
normal_training_video_names.txt, normal_test_video_names.txt, abnormal_test_video_names.txt
"""
EXPECTED_ABNORMAL = """
Scene1/abnormal_scene_1_scenario_1.mp4 …
Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt, …_0000_gt.png …
abnormal_training_video_names.txt
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
ABNORMAL_TRAINING = "abnormal_training_video_names.txt"
NOT_TRAINING = ("abnormal_validation_video_names.txt", "abnormal_test_video_names.txt")


class UBnormal:
    """UBnormal. Raises DataError with all problems of `root`."""

    name = "ubnormal"
    channels = 3

    def __init__(self, root: Path) -> None:
        scan = Scan(root, EXPECTED, SOURCE)
        for split, names in LISTS:
            _add_list(scan, split, names)
        self._videos = scan.finish()
        self.notes = scan.notes
        abnormal = [video for video in self._videos if video.label_source is not None]
        masked = sum(video.mask_source is not None for video in abnormal)
        if masked < len(abnormal):
            self.notes.append(f"{masked} of {len(abnormal)} abnormal test videos have masks")

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        """A frame is anomalous where any track covers it; videos named normal have none."""
        if video.split == "train":
            return None
        if video.label_source is None:
            return np.zeros(frames, dtype=np.uint8)
        ranges = [(track.first, track.last) for track in read_tracks(video.label_source)]
        return from_ranges(ranges, frames, video.label_source)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        """The pixels of the objects whose tracks cover the frame; all normal in videos named normal."""
        if video.split == "train":
            return None
        if video.label_source is None:
            return lambda frame: np.zeros(size, dtype=bool)
        return None if video.mask_source is None else annotations_of(video, size).within(frames).mask

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        """A track is a line of the tracks file; its boxes are drawn around the pixels of its object."""
        if video.split == "train":
            return None
        if video.label_source is None:
            return []
        return None if video.mask_source is None else annotations_of(video, size).within(frames).regions()


def abnormal_training_videos(root: Path) -> list[VideoSource]:
    """The videos of UBnormal below `root` that synthetic anomalies may come from, all with tracks and masks.

    Raises DataError with all problems of `root`, and where a video is also listed for validation or test.
    """
    scan = Scan(root, EXPECTED_ABNORMAL, SOURCE, setting="the root of UBnormalObjects")
    names = _add_list(scan, "train", ABNORMAL_TRAINING)
    for other in NOT_TRAINING:
        if (root / other).is_file() and scan.inside(root / other):
            both = sorted(names & {line.removesuffix(".mp4") for line in _lines(root / other)})
            scan.problems += [f"{ABNORMAL_TRAINING} and {other} both name {name!r}" for name in both]
    videos = scan.finish()
    bare = [video.name for video in videos if video.mask_source is None]
    if bare:
        raise DataError(f"data root {root}: no masks (_gt.png) of {', '.join(bare[:5])}: objects cannot be cut out")
    return videos


def _add_list(scan: Scan, split: Split, names: str) -> set[str]:
    """Add the videos of a list; returns their names."""
    if not (scan.root / names).is_file() or not scan.inside(scan.root / names):
        scan.problems.append(f"{names} is missing")
        return set()
    lines = _lines(scan.root / names)
    if not lines:
        scan.problems.append(f"{names} is empty")
    kind = names.partition("_")[0]
    found = set()
    for line in lines:
        name = line.removesuffix(".mp4")
        scene = re.match(rf"{kind}_scene_([0-9]{{1,4}})(_|$)", name)
        if name_problem(name) or scene is None:
            scan.problems.append(f"{names}: {line[:80]!r} is no name of a video ({kind}_scene_1_scenario_1)")
            continue
        found.add(name)
        folder = scan.root / f"Scene{scene[1]}"
        tracks, masks = (None, None) if kind == "normal" else _annotations(scan, folder, name)
        scan.add(split, folder / f"{name}.mp4", tracks, mask_source=masks)
    return found


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in read_text(file).splitlines() if line.strip()]


def _annotations(scan: Scan, folder: Path, name: str) -> tuple[Path | None, Path | None]:
    """The tracks file of a video and, where there are masks, the folder with them."""
    annotations = folder / f"{name}_annotations"
    for file in (annotations / f"{name}_new_tracks.txt", annotations / f"{name}_tracks.txt"):
        if file.is_file():
            has_masks = any(annotations.glob("*_gt.png"))
            inside = scan.inside(file)
            return file if inside else None, annotations if has_masks and scan.holds_images(annotations) else None
    scan.problems.append(f"{folder.name}/{name}.mp4 has no labels: {name}_annotations/{name}_tracks.txt is missing")
    return None, None
