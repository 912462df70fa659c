"""ShanghaiTech Campus: training videos or frames, test frames, one label array a test video."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import Region
from .description import Description
from .labels import read_labels
from .layout import Masks, VideoSource
from .masks import array_masks
from .scan import Scan, visible

FRAMES_PER_SECOND = 24.0
EXPECTED = """
training/videos/01_001.avi … or training/frames/01_001/000.jpg …
testing/frames/01_0014/000.jpg …
testing/test_frame_mask/01_0014.npy … and for pixel metrics testing/test_pixel_mask/01_0014.npy …
"""
SOURCE = "Ask the authors of ShanghaiTech Campus for the data (research use)"
DESCRIPTION = Description(
    title="ShanghaiTech Campus: 13 scenes of a campus, color, 856x480 at 24 frames/s",
    expected=EXPECTED,
    source=SOURCE,
    licence="research (the authors' code: BSD-2)",
    citation="""
W. Luo, W. Liu, S. Gao: A Revisit of Sparse Coding Based Anomaly Detection in Stacked RNN Framework. ICCV 2017
""",
    labels="""
One array of 0 and 1 a test video, one number a frame; the first two digits of a name are the scene.
330 training videos, 274,515 frames; 107 test videos, 40,791 frames (42,883 in other counts).
Converted copies can have a frame more or fewer than labels: they are refused with both numbers.
""",
)


class ShanghaiTech:
    """ShanghaiTech Campus. Raises DataError with all problems of `root`."""

    name = "shanghaitech"
    channels = 3

    def __init__(self, root: Path) -> None:
        scan = Scan(root, EXPECTED, SOURCE)
        videos, frames = root / "training" / "videos", root / "training" / "frames"
        if not videos.is_dir() and not frames.is_dir():
            raise scan.absent("has neither training/videos nor training/frames")
        if videos.is_dir():
            scan.add_folder("train", videos)
        else:
            scan.add_folder("train", frames, (), FRAMES_PER_SECOND)
        testing = root / "testing"
        scan.add_folder("test", testing / "frames", (), FRAMES_PER_SECOND)
        scan.attach_labels(_arrays(scan, testing / "test_frame_mask"), required=True)
        scan.attach_masks(_arrays(scan, testing / "test_pixel_mask"), spare=True)
        self._videos = scan.finish()
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        return None if video.label_source is None else read_labels(video.label_source, frames)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        return None

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        return None if video.mask_source is None else array_masks(video.mask_source, frames, size)

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        return None


def _arrays(scan: Scan, folder: Path) -> dict[str, Path]:
    """The `.npy` files of a folder by name."""
    files = [file for file in visible(folder) if file.suffix == ".npy"] if folder.is_dir() else []
    return {file.stem: file for file in files if scan.inside(file)}
