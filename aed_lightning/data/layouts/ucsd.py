"""UCSD Ped1 and Ped2: the original folders of TIFF files, and the frames layout of later papers."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..readers import image_files
from .description import Description
from .labels import checked, from_ranges, read_npy, read_text
from .layout import VideoSource
from .matlab import read_mat
from .scan import Scan, visible

FRAMES_PER_SECOND = 10.0
SOURCE = "Ask the UCSD SVCL group for the data (research use)"
_EVENTS = re.compile(r"TestVideoFile\{end\+1\}\.gt_frame\s*=\s*\[([0-9:,\s]+)\]\s*;?")
_RANGE = re.compile(r"\s*([0-9]{1,7})\s*:\s*([0-9]{1,7})\s*")

Ranges = list[tuple[int, int]]


class UCSD:
    """Ped1 or Ped2, by `name`. Raises DataError with all problems of `root`."""

    channels = 1

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        scan = Scan(root, _expected(name), SOURCE)
        original = _first_folder(root / f"UCSD{name}", root, inner="Train")
        frames = _first_folder(root / name, root, inner="training/frames")
        if original is not None:
            self._add(scan, original / "Train", original / "Test", [original / "Test" / f"UCSD{name}.m"])
        elif frames is not None:
            files = [base / file for base in (frames, root) for file in (f"{name}.mat", f"frame_labels_{name}.npy")]
            self._add(scan, frames / "training" / "frames", frames / "testing" / "frames", files)
        else:
            raise scan.absent("has neither layout of this data set")
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        if video.label_source is None:
            return None
        position = self._tests.index(video.name)
        if self._events is not None:
            return from_ranges(self._events[position], frames, video.label_source)
        before, expected = sum(self._test_frames[:position]), sum(self._test_frames)
        row = checked(read_npy(video.label_source), expected, video.label_source)
        return checked(row[before : before + self._test_frames[position]], frames, video.label_source)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None

    def _add(self, scan: Scan, train: Path, test: Path, label_files: list[Path]) -> None:
        scan.add_folder("train", train, (), FRAMES_PER_SECOND)
        scan.add_folder("test", test, (), FRAMES_PER_SECOND, leave_out=("*_gt", "*.m"))
        labels = next((file for file in label_files if file.is_file()), None)
        if labels is None:
            scan.problems.append(f"{label_files[0]} is missing: no labels of the test videos")
        elif scan.inside(labels):
            scan.attach_labels({path.name: labels for path in visible(test)} if test.is_dir() else {}, spare=True)
        self._videos = scan.finish()
        tests = [video for video in self._videos if video.split == "test"]
        self._tests = [video.name for video in tests]
        self._test_frames = [len(image_files(video.path)) for video in tests]
        self._events = _read_events(labels, self.name) if labels is not None else None
        if labels is not None and self._events is not None and len(self._events) != len(tests):
            raise DataError(f"{labels}: {len(self._events)} test videos in it, {len(tests)} in {test}")


def parse_gt_frames(text: str, file: Path) -> list[Ranges]:
    """The events of each test video in `UCSDped?.m`: 0-based ranges, last frame included.

    The text is matched line by line and never run; a line that is neither comment nor `gt_frame` is refused.
    """
    events: list[Ranges] = []
    for number, line in enumerate(text.splitlines(), start=1):
        statement = line.split("%")[0].strip()
        if not statement or re.fullmatch(r"TestVideoFile\s*=\s*\{\s*\}\s*;?", statement):
            continue
        match = _EVENTS.fullmatch(statement)
        ranges = [_RANGE.fullmatch(part) for part in match[1].split(",")] if match else [None]
        if not all(ranges):
            raise DataError(f"{file}: line {number} is not understood: {statement[:80]!r}")
        events.append([(int(found[1]) - 1, int(found[2]) - 1) for found in ranges if found])
    return events


def read_event_cells(file: Path) -> list[Ranges]:
    """The events of each test video in `ped2.mat` and files of its style: 0-based ranges, last frame included.

    `gt` holds a cell a video, 2 x N: first and last frames, 1-based.
    """
    cells = read_mat(file, "gt")
    events: list[Ranges] = []
    for number, cell in enumerate(cells.reshape(-1), start=1):
        array = np.asarray(cell)
        if array.ndim != 2 or array.shape[0] != 2 or array.dtype.kind not in "iuf" or (array != np.floor(array)).any():
            raise DataError(f"{file}: cell {number} is {array.dtype} {array.shape}, not 2 x N whole frame numbers")
        events.append([(int(first) - 1, int(last) - 1) for first, last in array.T])
    return events


def _read_events(file: Path, name: str) -> list[Ranges] | None:
    if file.suffix == ".npy":
        return None
    return read_event_cells(file) if file.suffix == ".mat" else parse_gt_frames(read_text(file), file)


def describe(name: str) -> Description:
    """Ped1 or Ped2 in words."""
    facts = {
        "ped1": "34 training videos, 6,800 frames; 36 test videos, 7,200 frames.",
        "ped2": "16 training videos, 2,550 frames; 12 test videos, 2,010 frames, 1,648 of them anomalous.\n"
        "Test videos 008, 009, 010 and 011 are anomalous throughout and have no AUC of their own.",
    }
    sizes = {"ped1": "238x158", "ped2": "360x240"}
    return Description(
        title=f"UCSD {name.capitalize()}: a walkway, one fixed camera, gray, {sizes[name]} at 10 frames/s",
        expected=_expected(name),
        source=SOURCE,
        licence="research",
        citation="""
V. Mahadevan, W. Li, V. Bhalodia, N. Vasconcelos: Anomaly Detection in Crowded Scenes. CVPR 2010
""",
        labels=f"""
UCSD{name}.m has one `gt_frame = [61:180];` a test video, in order; 1-based, the last frame included, several ranges
possible. It is parsed, never run. {name}.mat: `gt`, a cell a video, 2 x N first and last frames, 1-based.
frame_labels_{name}.npy: 0 and 1 of all test videos in one row, the videos in the order of their names.
{facts[name]}
""",
    )


def _expected(name: str) -> str:
    return f"""
UCSD{name}/Train/Train001/001.tif …, UCSD{name}/Test/Test001/001.tif …, UCSD{name}/Test/UCSD{name}.m
or {name}/training/frames/01/000.jpg …, {name}/testing/frames/01/000.jpg …,
   {name}.mat or frame_labels_{name}.npy
"""


def _first_folder(*folders: Path, inner: str) -> Path | None:
    return next((folder for folder in folders if (folder / inner).is_dir()), None)
