"""UBnormal's annotations of a video: a table of tracks, and an image a frame whose pixels are object ids."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from ...core import DataError, Region
from ..images import read_gray
from .labels import from_ranges, read_text, whole_number
from .layout import VideoSource
from .masks import sized

MARGIN = 16
"""Rows or columns by which an annotation image may be larger than the frame; what is beyond is cut away."""


@dataclass(frozen=True)
class ObjectTrack:
    """An object through the frames `first` to `last`, 0-based, both included."""

    object_id: int
    first: int
    last: int


@dataclass(frozen=True)
class Annotations:
    """The annotation images `folder/NAME_0000_gt.png` of a video whose frames have `size` (height, width)."""

    folder: Path
    name: str
    size: tuple[int, int]
    tracks: list[ObjectTrack]

    def within(self, frames: int) -> "Annotations":
        """Itself, for a video of `frames` frames. Raises DataError for a track that leaves it."""
        from_ranges([(track.first, track.last) for track in self.tracks], frames, self.folder)
        return self

    def objects(self, frame: int) -> dict[int, Bool[np.ndarray, "height width"]]:
        """The pixels of each object by the number of its track. Raises DataError where the image is not as it must be.

        An object that is hidden has none of them. Images of frames without tracks are not read.
        """
        covering = {number: track for number, track in enumerate(self.tracks) if track.first <= frame <= track.last}
        if not covering:
            return {}
        file = self.folder / f"{self.name}_{frame:04d}_gt.png"
        if not file.is_file():
            raise DataError(f"{file} is missing: a track covers its frame")
        ids = read_gray(file)
        return {
            number: sized(ids == track.object_id, self.size, str(file), MARGIN) for number, track in covering.items()
        }

    def mask(self, frame: int) -> Bool[np.ndarray, "height width"]:
        """True in the pixels of any object whose track covers the frame."""
        mask = np.zeros(self.size, dtype=bool)
        for pixels in self.objects(frame).values():
            mask |= pixels
        return mask

    def regions(self) -> list[Region]:
        """A box around each object in each frame of its track in which any of it is seen."""
        regions = []
        for frame in sorted({frame for track in self.tracks for frame in range(track.first, track.last + 1)}):
            for number, pixels in self.objects(frame).items():
                rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
                if rows.size:
                    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
                    regions.append(Region(number, frame, box))
        return regions


def annotations_of(video: VideoSource, size: tuple[int, int]) -> Annotations:
    """The annotations of a video with tracks and masks. Raises DataError for a tracks file that is none."""
    if video.label_source is None or video.mask_source is None:
        raise DataError(f"{video.path} has no annotations")
    return Annotations(video.mask_source, video.name, size, read_tracks(video.label_source))


def read_tracks(file: Path) -> list[ObjectTrack]:
    """Each row `object_id, first, last` of a tracks file. Raises DataError."""
    tracks = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        values = [whole_number(value, f"{file}: line {number}") for value in line.split(",")] if line.strip() else []
        if values and len(values) != 3:
            raise DataError(f"{file}: line {number} has {len(values)} values instead of object_id, first, last")
        if values:
            tracks.append(ObjectTrack(*values))
    if not tracks:
        raise DataError(f"{file} has no tracks; an abnormal video has at least one")
    return tracks
