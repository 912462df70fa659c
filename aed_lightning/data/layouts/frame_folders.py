"""The frames layout of later papers: folders of images, and the labels of a whole split in one file.

BASE/training/frames/01/000.jpg, BASE/testing/frames/01/000.jpg, NAME.mat or frame_labels_NAME.npy
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..readers import image_files
from .labels import checked, from_ranges, read_npy
from .layout import VideoSource
from .matlab import read_mat
from .scan import Scan

TRAIN, TEST = Path("training/frames"), Path("testing/frames")
Ranges = list[tuple[int, int]]
"""Events of one video: first and last frame, 0-based, both anomalous."""


def first_folder(*folders: Path, inner: Path) -> Path | None:
    """The first of `folders` with the folder `inner` in it, or none."""
    return next((folder for folder in folders if (folder / inner).is_dir()), None)


def add_frame_folders(scan: Scan, base: Path, fps: float) -> None:
    """Add both splits below `base`."""
    scan.add_folder("train", base / TRAIN, (), fps)
    scan.add_folder("test", base / TEST, (), fps)


def label_files(name: str, *bases: Path) -> list[Path]:
    """Where the labels of the test split may lie, best first."""
    return [base / file for base in bases for file in (f"{name}.mat", f"frame_labels_{name}.npy")]


def find_labels(scan: Scan, files: list[Path]) -> Path | None:
    """The first of `files` that exists, given to all test videos; a problem where there is none."""
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        scan.problems.append(f"{files[0]} is missing: no labels of the test videos")
    elif scan.inside(file):
        scan.label_tests(file)
    return file


class SplitLabels:
    """Frame labels of the test videos among `videos` from one `file`, in the order of the videos.

    events: of each video, for a file that is neither `.mat` nor `.npy`. Raises DataError where their number is another.
    """

    def __init__(self, file: Path, videos: list[VideoSource], events: list[Ranges] | None = None) -> None:
        tests = [video for video in videos if video.split == "test"]
        self._file = file
        self._names = [video.name for video in tests]
        self._frames = [len(image_files(video.path)) for video in tests]
        self._events = read_event_cells(file) if file.suffix == ".mat" else events
        if self._events is not None and len(self._events) != len(tests):
            raise DataError(f"{file}: {len(self._events)} test videos in it, {len(tests)} in {tests[0].path.parent}")

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"]:
        """0 or 1 for each frame of one test video. Raises DataError."""
        position = self._names.index(video.name)
        if self._events is not None:
            return from_ranges(self._events[position], frames, self._file)
        before, expected = sum(self._frames[:position]), sum(self._frames)
        row = checked(read_npy(self._file), expected, self._file)
        return checked(row[before : before + self._frames[position]], frames, self._file)


def read_event_cells(file: Path) -> list[Ranges]:
    """The events of each test video in `ped2.mat` and files of its style.

    `gt` holds a cell a video, 2 x N: first and last frames, 1-based. Raises DataError.
    """
    cells = read_mat(file, "gt")
    events: list[Ranges] = []
    for number, cell in enumerate(cells.reshape(-1), start=1):
        array = np.asarray(cell)
        if array.ndim != 2 or array.shape[0] != 2 or array.dtype.kind not in "iuf" or (array != np.floor(array)).any():
            raise DataError(f"{file}: cell {number} is {array.dtype} {array.shape}, not 2 x N whole frame numbers")
        events.append([(int(first) - 1, int(last) - 1) for first, last in array.T])
    return events
