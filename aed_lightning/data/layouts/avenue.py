"""CUHK Avenue: the original AVI files or folders of frames, and the original masks."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import DataError, Region
from ..names import number_in
from .description import Description
from .frame_folders import TEST, TRAIN, SplitLabels, add_frame_folders, find_labels, first_folder, label_files
from .labels import checked
from .layout import Masks, VideoSource
from .masks import sized
from .matlab import read_mat
from .scan import Scan, visible

FRAMES_PER_SECOND = 25.0
EXPECTED = """
training_videos/01.avi … 16.avi, testing_videos/01.avi … 21.avi (a folder "Avenue Dataset" above them is fine)
ground_truth_demo/testing_label_mask/1_label.mat … 21_label.mat
or training/frames/01/000.jpg …, testing/frames/01/000.jpg …,
   avenue.mat or frame_labels_avenue.npy or the masks
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
        bases = (root / "Avenue Dataset", root / self.name, root)
        videos = first_folder(*bases, inner=Path("training_videos")) or first_folder(
            *bases, inner=Path("testing_videos")
        )
        frames = first_folder(*bases, inner=TRAIN)
        label_file = None
        if videos is not None:
            scan.add_folder("train", videos / "training_videos", (".avi",))
            scan.add_folder("test", videos / "testing_videos", (".avi",))
            masks = _masks(scan, bases, videos / "testing_videos")
            scan.attach_labels(masks, required=True, spare=True)
        elif frames is not None:
            add_frame_folders(scan, frames, FRAMES_PER_SECOND)
            masks = _masks(scan, bases, frames / TEST)
            files = label_files(self.name, frames, root)
            if masks and not any(file.is_file() for file in files):
                scan.attach_labels(masks, required=True, spare=True)
            else:
                label_file = find_labels(scan, files)
        else:
            raise scan.absent("has no training_videos, no testing_videos and no training/frames")
        scan.attach_masks(masks, spare=True)
        self._videos = scan.finish()
        self._split_labels = None if label_file is None else SplitLabels(label_file, self._videos)
        self.notes = scan.notes
        for split, published in PUBLISHED.items():
            found = sum(video.split == split for video in self._videos)
            if found != published:
                self.notes.append(f"a part of Avenue: {found} of {published} {split} videos")

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        """What the one label file says; without it, a frame is anomalous where its mask has any pixel."""
        if video.label_source is None:
            return None
        if self._split_labels is not None:
            return self._split_labels.labels(video, frames)
        masks = _read_masks(video.label_source)
        return checked(np.array([mask.any() for mask in masks], dtype=np.uint8), frames, video.label_source)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        """All masks of the video stay in memory as long as the function does: the file has to be read whole."""
        file = video.mask_source
        if file is None:
            return None
        masks = _read_masks(file)
        if len(masks) != frames:
            raise DataError(f"{file}: {len(masks)} masks for {frames} frames; mend the masks or the video")
        return lambda frame: sized(masks[frame], size, f"{file}: frame {frame}")

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        return None


def _read_masks(file: Path) -> list[np.ndarray]:
    masks = list(read_mat(file, "volLabel").reshape(-1))
    if not all(isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.dtype.kind in "bu" for mask in masks):
        raise DataError(f"{file}: volLabel is not one mask of whole numbers a frame")
    return masks


def _masks(scan: Scan, bases: tuple[Path, ...], videos: Path) -> dict[str, Path]:
    """Mask files by the name of the video with their number: `1_label.mat` belongs to `01.avi` and to `01/`."""
    inner = Path("ground_truth_demo/testing_label_mask")
    base = first_folder(*bases, inner=inner)
    masks: dict[str, Path] = {}
    if base is None or not videos.is_dir():
        return masks
    for video in visible(videos):
        name = video.name if video.is_dir() else video.stem
        number = number_in(name)
        file = base / inner / f"{number}_label.mat"
        if number is not None and file.is_file() and scan.inside(file):
            masks[name] = file
    return masks
