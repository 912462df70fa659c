"""CUHK Avenue, the original AVI files and masks."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError
from ..names import number_in
from .description import Description
from .labels import checked
from .layout import VideoSource
from .matlab import read_mat
from .scan import Scan, visible

EXPECTED = """
training_videos/01.avi … 16.avi, testing_videos/01.avi … 21.avi (a folder "Avenue Dataset" above them is fine)
ground_truth_demo/testing_label_mask/1_label.mat … 21_label.mat
"""
SOURCE = "Ask the CUHK authors for the data (research use)"
DESCRIPTION = Description(
    title="CUHK Avenue: a campus avenue, one camera, color, 640x360 at 25 frames/s",
    expected=EXPECTED,
    source=SOURCE,
    licence="research",
    citation="C. Lu, J. Shi, J. Jia: Abnormal Event Detection at 150 FPS in MATLAB. ICCV 2013",
    labels="""
A frame is anomalous where its mask (volLabel, one cell a frame) has any pixel; 1_label.mat belongs to 01.avi.
16 training videos, 15,328 frames; 21 test videos, 15,324 frames, 3,712 of them anomalous by the masks (3,820 is often
quoted). Test videos 08 and 18 are anomalous throughout and have no AUC of their own.
Other label files of this set disagree: the manifest says by SHA-256 which ones were used.
""",
)
PUBLISHED = {"train": 16, "test": 21}


class Avenue:
    """Avenue; some of the videos are accepted and noted as a part. Raises DataError with all problems of `root`."""

    name = "avenue"
    channels = 3

    def __init__(self, root: Path) -> None:
        scan = Scan(root, EXPECTED, SOURCE)
        folders = {name: _find(root, name) for name in ("training_videos", "testing_videos")}
        if not any(folder.is_dir() for folder in folders.values()):
            raise scan.absent("has no training_videos and no testing_videos")
        scan.add_folder("train", folders["training_videos"], (".avi",))
        scan.add_folder("test", folders["testing_videos"], (".avi",))
        scan.attach_labels(_masks(scan, root, folders["testing_videos"]), required=True, spare=True)
        self._videos = scan.finish()
        self.notes = scan.notes
        for split, published in PUBLISHED.items():
            found = sum(video.split == split for video in self._videos)
            if found != published:
                self.notes.append(f"a part of Avenue: {found} of {published} {split} videos")

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        """A frame is anomalous where its mask has any pixel."""
        file = video.label_source
        if file is None:
            return None
        masks = read_mat(file, "volLabel").reshape(-1)
        numbers = [
            mask for mask in masks if isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.dtype.kind in "bu"
        ]
        if len(numbers) != len(masks):
            raise DataError(f"{file}: volLabel is not one mask of whole numbers a frame")
        return checked(np.array([mask.any() for mask in masks], dtype=np.uint8), frames, file)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None


def _find(root: Path, name: str) -> Path:
    """`root/Avenue Dataset/name` where it is there, else `root/name`."""
    inner = root / "Avenue Dataset" / name
    return inner if inner.is_dir() else root / name


def _masks(scan: Scan, root: Path, videos: Path) -> dict[str, Path]:
    """Mask files by the name of the video with their number: `1_label.mat` belongs to `01.avi`."""
    folder = _find(root, "ground_truth_demo") / "testing_label_mask"
    masks: dict[str, Path] = {}
    for video in visible(videos) if videos.is_dir() else []:
        number = number_in(video.stem)
        file = folder / f"{number}_label.mat"
        if number is not None and file.is_file() and scan.inside(file):
            masks[video.stem] = file
    return masks
