"""A user's own folder, and the generated benchmark: `train/`, `test/` and `labels/`, or just videos."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from .description import Description
from .labels import read_labels, read_text, whole_number
from .layout import VideoSource
from .scan import Scan, visible

EXPECTED = """
train/VIDEO.mp4 (avi, mkv, mov) or train/VIDEO/*.png        normal video
test/VIDEO.mp4                                              optional
labels/frames/VIDEO.npy | VIDEO.csv | VIDEO.txt             needed for evaluation only
"""
DESCRIPTION = Description(
    title="Your own videos, and the generated benchmark",
    expected=EXPECTED,
    source="""
Any video of yours: mp4, avi, mkv, mov and more, or folders of images. `python -m aed_lightning toy` draws some.
""",
    licence="yours",
    citation="nothing",
    labels="""
0 normal, 1 anomalous, one a decoded frame: a .npy array, a .csv of `frame,label` from frame 0, or a .txt of one a line.
Training needs none; evaluation needs them for every test video. labels/tracks/VIDEO.csv
(track_id,frame,x0,y0,x1,y1,kind) is optional and names the kinds of anomaly.
Without train/ and test/, the videos of the folder are a training set. Training videos must be normal throughout.
""",
)
LABEL_SUFFIXES = (".npy", ".csv", ".txt")
TRACK_COLUMNS = ["track_id", "frame", "x0", "y0", "x1", "y1", "kind"]


class Folder:
    """Videos in `train/` and `test/`, labels in `labels/`; a folder of videos without these is a training set.

    Either all test videos have labels or none. Raises DataError with all problems of `root`.
    """

    name = "folder"
    channels = 3

    def __init__(self, root: Path) -> None:
        scan = Scan(root, EXPECTED, "Use video of your own")
        if (root / "train").is_dir() or (root / "test").is_dir():
            scan.add_folder("train", root / "train")
            if (root / "test").is_dir():
                scan.add_folder("test", root / "test")
        else:
            scan.add_folder("train", root, leave_out=("labels",))
        scan.attach_labels(_files_by_name(scan, root / "labels" / "frames", LABEL_SUFFIXES))
        self._tracks = _files_by_name(scan, root / "labels" / "tracks", (".csv",))
        self._videos = scan.finish()
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        return None if video.label_source is None else read_labels(video.label_source, frames)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        file = self._tracks.get(video.name)
        if file is None or video.split != "test":
            return None
        found: list[set[str]] = [set() for _ in range(frames)]
        for frame, kind in _track_kinds(file):
            if not 0 <= frame < frames:
                raise DataError(f"{file}: frame {frame} of {frames} frames", name="label_length")
            found[frame].add(kind)
        return ["+".join(sorted(kinds)) for kinds in found]


def _files_by_name(scan: Scan, folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in visible(folder) if folder.is_dir() else []:
        if file.suffix.lower() not in suffixes:
            scan.problems.append(f"{file}: labels end in {', '.join(suffixes)}")
        elif file.stem in files:
            scan.problems.append(f"{files[file.stem]} and {file} label the same video; keep one")
        elif scan.inside(file):
            files[file.stem] = file
    return files


def _track_kinds(file: Path) -> list[tuple[int, str]]:
    rows = list(csv.reader(read_text(file).splitlines()))
    if not rows or [cell.strip() for cell in rows[0]] != TRACK_COLUMNS:
        raise DataError(f"{file}: the first line must be {','.join(TRACK_COLUMNS)}")
    found = []
    for line, row in enumerate(rows[1:], start=2):
        if row and len(row) != len(TRACK_COLUMNS):
            raise DataError(f"{file}: line {line} has {len(row)} columns instead of {len(TRACK_COLUMNS)}")
        if row:
            found.append((whole_number(row[1], f"{file}: line {line}"), row[-1].strip()))
    return found
