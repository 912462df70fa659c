"""A user's own folder, and the generated benchmark: `train/`, `test/` and `labels/`, or just videos."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...core import Region
from .description import Description
from .labels import read_labels
from .layout import Masks, VideoSource
from .masks import array_masks, image_masks
from .scan import Scan, visible
from .tracks import read_regions, refuse_outside

EXPECTED = """
train/VIDEO.mp4 (avi, mkv, mov) or train/VIDEO/*.png        normal video
test/VIDEO.mp4                                              optional
labels/frames/VIDEO.npy | VIDEO.csv | VIDEO.txt             needed for evaluation only
labels/masks/VIDEO/000000.png | VIDEO.npz                   optional
labels/tracks/VIDEO.csv                                     optional
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
        scan.attach_masks(_files_by_name(scan, root / "labels" / "masks", (".npz",), folders=True))
        scan.attach_tracks(_files_by_name(scan, root / "labels" / "tracks", (".csv",)))
        self._videos = scan.finish()
        self.notes = scan.notes

    def videos(self) -> list[VideoSource]:
        return list(self._videos)

    def labels(self, video: VideoSource, frames: int) -> UInt8[np.ndarray, " frames"] | None:
        return None if video.label_source is None else read_labels(video.label_source, frames)

    def kinds(self, video: VideoSource, frames: int) -> list[str] | None:
        if video.track_source is None or video.split != "test":
            return None
        found: list[set[str]] = [set() for _ in range(frames)]
        for region in read_regions(video.track_source, frames):
            found[region.frame].add(region.kind)
        return ["+".join(sorted(kinds)) for kinds in found]

    def masks(self, video: VideoSource, frames: int, size: tuple[int, int]) -> Masks | None:
        if video.mask_source is None:
            return None
        read = image_masks if video.mask_source.is_dir() else array_masks
        return read(video.mask_source, frames, size)

    def regions(self, video: VideoSource, frames: int, size: tuple[int, int]) -> list[Region] | None:
        if video.track_source is None:
            return None
        regions = read_regions(video.track_source, frames)
        refuse_outside(regions, size, video.track_source)
        return regions


def _files_by_name(scan: Scan, folder: Path, suffixes: tuple[str, ...], folders: bool = False) -> dict[str, Path]:
    """The files of `folder` that end in `suffixes`, and with `folders` the folders of images, by name."""
    files: dict[str, Path] = {}
    for file in visible(folder) if folder.is_dir() else []:
        images = folders and file.is_dir()
        name = file.name if images else file.stem
        if not images and file.suffix.lower() not in suffixes:
            scan.problems.append(f"{file}: labels end in {', '.join(suffixes)}")
        elif name in files:
            scan.problems.append(f"{files[name]} and {file} label the same video; keep one")
        elif scan.holds_images(file) if images else scan.inside(file):
            files[name] = file
    return files
