"""The labels of a video, from what is seen of its anomalous actors."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from .render import Sighting


@dataclass
class VideoLabels:
    """Collects the labels of one video, frame by frame.

    A sighting is in the mask, in the tracks and in the frame label, or in none of them.
    """

    size: tuple[int, int]
    masks: list[Bool[np.ndarray, "height width"]] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Append the next frame."""
        mask = np.zeros(self.size, bool)
        for sighting in sightings:
            mask |= sighting.mask
            rows, columns = np.flatnonzero(sighting.mask.any(1)), np.flatnonzero(sighting.mask.any(0))
            box = f"{columns[0]},{rows[0]},{columns[-1] + 1},{rows[-1] + 1}"
            self.rows.append(f"{sighting.track},{len(self.masks)},{box},{sighting.kind}")
            self.kinds.add(sighting.kind)
        self.masks.append(mask)

    @property
    def frames(self) -> UInt8[np.ndarray, " frames"]:
        """1 where the frame is anomalous."""
        return np.array([mask.any() for mask in self.masks], dtype=np.uint8)

    @property
    def tracks(self) -> str:
        """The table of boxes."""
        return "\n".join(["track_id,frame,x0,y0,x1,y1,kind", *self.rows]) + "\n"

    def digest(self) -> str:
        """SHA-256 of tracks and frame labels, as in `labels_hash`."""
        return _digest(self.tracks.encode(), self.frames.tobytes())


def labels_hash(root: Path) -> str:
    """SHA-256 over the frame labels and tracks of every labeled video of a set, in order of names."""
    names = sorted(path.stem for path in (root / "labels" / "frames").glob("*.npy"))
    whole = hashlib.sha256()
    for name in names:
        tracks = (root / "labels" / "tracks" / f"{name}.csv").read_bytes()
        frames = np.load(root / "labels" / "frames" / f"{name}.npy", allow_pickle=False)
        whole.update(f"{name} {_digest(tracks, frames.tobytes())}\n".encode())
    return whole.hexdigest()


def _digest(tracks: bytes, frames: bytes) -> str:
    return hashlib.sha256(hashlib.sha256(tracks).digest() + hashlib.sha256(frames).digest()).hexdigest()
