"""UCSD Ped1 and Ped2: the original folders of TIFF files, and the frames layout of later papers."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError, Region
from .description import Description
from .frame_folders import TRAIN, Ranges, SplitLabels, add_frame_folders, find_labels, first_folder, label_files
from .labels import read_text
from .layout import Masks, VideoSource
from .masks import image_masks
from .scan import Scan, visible

FRAMES_PER_SECOND = 10.0
SOURCE = "Ask the UCSD SVCL group for the data (research use)"
_EVENTS = re.compile(r"TestVideoFile\{end\+1\}\.gt_frame\s*=\s*\[([0-9:,\s]+)\]\s*;?")
_RANGE = re.compile(r"\s*([0-9]{1,7})\s*:\s*([0-9]{1,7})\s*")


class UCSD:
    """Ped1 or Ped2, by `name`. Raises DataError with all problems of `root`."""

    channels = 1

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        scan = Scan(root, _expected(name), SOURCE)
        original = first_folder(root / f"UCSD{name}", root, inner=Path("Train"))
        frames = first_folder(root / name, root, inner=TRAIN)
        if original is not None:
            files = [original / "Test" / f"UCSD{name}.m"]
            scan.add_folder("train", original / "Train", (), FRAMES_PER_SECOND)
            scan.add_folder("test", original / "Test", (), FRAMES_PER_SECOND, leave_out=("*_gt", "*.m"))
            scan.attach_masks(_mask_folders(scan, original / "Test"), spare=True)
        elif frames is not None:
            files = label_files(name, frames, root)
            add_frame_folders(scan, frames, FRAMES_PER_SECOND)
        else:
            raise scan.absent("has neither layout of this data set")
        file = find_labels(scan, files)
        self._videos = scan.finish()
        self._split_labels = None if file is None else _split_labels(file, self._videos)
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        if video.label_source is None or self._split_labels is None:
            return None
        return self._split_labels.labels(video, frames)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        return None if video.mask_source is None else image_masks(video.mask_source, frames, size)

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        return None


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


def _split_labels(file: Path, videos: list[VideoSource]) -> SplitLabels:
    events = parse_gt_frames(read_text(file), file) if file.suffix == ".m" else None
    return SplitLabels(file, videos, events)


def _mask_folders(scan: Scan, tests: Path) -> dict[str, Path]:
    """`Test001_gt` by the name of its video; Ped1 has them for ten videos."""
    folders = [path for path in visible(tests) if path.name.endswith("_gt")] if tests.is_dir() else []
    return {path.name.removesuffix("_gt"): path for path in folders if scan.holds_images(path)}


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
   and for pixel metrics UCSD{name}/Test/Test001_gt/001.bmp …
or {name}/training/frames/01/000.jpg …, {name}/testing/frames/01/000.jpg …,
   {name}.mat or frame_labels_{name}.npy
"""
