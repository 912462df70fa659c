"""The bank: objects cut from training videos, on disk, read through a memory map.

FOLDER/manifest.json   version, how it was cut, from which videos, and how much is in it
FOLDER/cutouts.npy     one row a cutout: track, top, left, height, width, first byte in pixels.u8
FOLDER/pixels.u8       image and alpha of each cutout, one after the other
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from aed_lightning.core import DataError, UsageError, atomic_path, stable_hash, write_json

from .annotated import ObjectCutting
from .cutting import FARTHEST_STEP, MOST_COVERED, SAMPLES, WINDOW, Cutout, Cutting, CutVideo, TrackCutter

VERSION = 3
COLUMNS = ("track", "top", "left", "height", "width", "start")
_FEET = 0.15
"""Share of an object's height, from below."""
_NEIGHBORS = 4
"""Frames to either side over which a speed is measured."""


class Bank:
    """Cut objects at `folder`, mapped; it travels to other processes as its path.

    frame_size: height, width of the frames that they were cut from. Raises DataError where the folder holds no whole
    bank.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self.channels: int = manifest["channels"]
            self.frame_size: tuple[int, int] = tuple(manifest["frame_size"])
            # As plain arrays: indexing NumPy's own memory maps takes longer than reading the pixels.
            self._rows = np.asarray(np.load(folder / "cutouts.npy", mmap_mode="r", allow_pickle=False))
            self._pixels = np.asarray(np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r"))
            *_, height, width, start = (int(value) for value in self._rows[-1])
            whole = manifest["version"] == VERSION and len(self._pixels) == start + (self.channels + 1) * height * width
        except (OSError, ValueError, EOFError, LookupError, TypeError) as error:
            raise DataError(f"{folder} holds no whole bank of objects ({error!r}): remove it and run again") from error
        if not whole:
            raise DataError(f"{folder} holds no whole bank of objects (other size or version): remove it and run again")
        self._starts = np.flatnonzero(np.diff(self._rows[:, 0], prepend=-1))

    def __len__(self) -> int:
        """The number of tracks."""
        return len(self._starts)

    def length(self, track: int) -> int:
        """Frames of a track."""
        end = self._starts[track + 1] if track + 1 < len(self) else len(self._rows)
        return int(end - self._starts[track])

    def cutout(self, track: int, position: int) -> Cutout:
        """The object of a track in its frame number `position`."""
        top, left, height, width, start = (int(value) for value in self._rows[self._starts[track] + position, 1:])
        area = height * width
        image = self._pixels[start : start + self.channels * area].reshape(self.channels, height, width)
        alpha = self._pixels[start + self.channels * area :][:area].reshape(height, width)
        return Cutout(image, alpha, top, left)

    @cached_property
    def stood(self) -> Float[np.ndarray, "height width"]:
        """How often feet of an object were at a pixel, on average 1."""
        counts = np.zeros(self.frame_size)
        for top, left, height, width in self._rows[:, 1:5].tolist():
            feet = max(1, round(_FEET * height))
            counts[top + height - feet : top + height, left : left + width] += 1
        return counts / counts.mean()

    def velocity(self, track: int, position: int) -> Float[np.ndarray, " 2"]:
        """How a track moves about its frame number `position`: x and y, pixels a frame."""
        return self._velocities[self._starts[track] + position]

    @cached_property
    def brisk(self) -> float:
        """The speed that only one cut-out in twenty exceeds, in heights of the object a frame; 0 where hardly any
        moves."""
        return float(np.quantile(np.hypot(*self._velocities.T) / self._rows[:, 3], 0.95))

    @cached_property
    def _velocities(self) -> Float[np.ndarray, "cutouts 2"]:
        """Over so many neighbors to either side as the track has: boxes breathe with the limbs, a long mean would take
        who turns round for standing."""
        corners, sizes = self._rows[:, [2, 1]], self._rows[:, [4, 3]]
        centers, cutouts = corners + (sizes - 1) / 2, np.arange(len(self._rows))
        ends = np.append(self._starts[1:], len(self._rows))
        track = np.searchsorted(self._starts, cutouts, side="right") - 1
        first = np.maximum(cutouts - _NEIGHBORS, self._starts[track])
        last = np.minimum(cutouts + _NEIGHBORS, ends[track] - 1)
        return np.asarray((centers[last] - centers[first]) / (last - first)[:, None])

    def __reduce__(self) -> tuple[type["Bank"], tuple[Path]]:
        return Bank, (self.folder,)


class PastesFromBank:
    """What the sources share whose objects come out of a bank."""

    _bank: Bank | None = None

    def use(self, bank: Bank) -> None:
        """Take the objects from `bank`."""
        self._bank = bank

    @property
    def bank(self) -> Bank:
        """Where the objects come from. Raises UsageError before `use`."""
        if self._bank is None:
            name = type(self).__name__
            raise UsageError(f"{name} has no bank: use it in the data module (data.anomalies), which cuts one")
        return self._bank


def there_and_back(moment: int, length: int) -> int:
    """The frame of a track of `length` frames to show at any moment: forward to its end, then backward, and so on."""
    last = length - 1
    moment = abs(moment) % (2 * last)
    return min(moment, 2 * last - moment)


def bank_name(
    cutting: Cutting | ObjectCutting, videos: Iterable[tuple[str, str]], settings: dict[str, Any], kind: str = "self"
) -> str:
    """A folder name that changes with anything a bank is made of: videos as (name, hash), and the store's settings."""
    fixed = (WINDOW, SAMPLES, FARTHEST_STEP)
    terms = {
        "version": VERSION, "cutting": asdict(cutting), "fixed": fixed, "videos": list(videos), "settings": settings,
    }  # fmt: skip
    return f"{kind}-{stable_hash(json.dumps(terms, sort_keys=True)):016x}"


def write_bank(
    folder: Path,
    cutting: Cutting,
    videos: Iterable[tuple[str, UInt8[np.ndarray, "frames channels height width"]]],
) -> None:
    """Cut what moves out of every video, given as name and frames, and write the bank.

    Raises DataError where nothing can be followed or everything moves.
    """
    instead = "or take ProceduralTraining as data.anomalies, which cuts nothing"

    def cut() -> Iterator[CutVideo]:
        for name, frames in videos:
            cutter = TrackCutter(frames, cutting)
            yield CutVideo(name, frames.shape[1], cutter.tracks(), cutter.covered, len(frames))

    write_cuts(
        folder,
        cutting,
        cut(),
        nothing="nothing moves in {videos} training videos that could be cut out and followed: lower the source's "
        f"cutting.difference, cutting.least_share or cutting.shortest, {instead}",
        everything="{covered:.0%} of the pixels of {videos} training videos differ from the background: cutting "
        f"objects needs a fixed camera; raise the source's cutting.difference {instead}",
    )


def write_cuts(
    folder: Path,
    cutting: Cutting | ObjectCutting,
    videos: Iterable[CutVideo],
    *,
    nothing: str,
    everything: str,
) -> None:
    """Write the bank of what is cut out of `videos`. The manifest comes last: it makes the bank whole.

    One process at a time. Raises DataError where there are no tracks, and where objects cover most of the pixels:
    `nothing` and `everything` are the messages, with {videos} for the number of videos and {covered} for the share.
    """
    rows: list[tuple[int, ...]] = []
    names: list[str] = []
    sources: dict[str, str] = {}
    counts = np.zeros(())
    channels, start, tracks, frames = 1, 0, 0, 0
    with atomic_path(folder / "pixels.u8") as partial, partial.open("wb") as file:
        for video in videos:
            for track in video.tracks:
                for cutout in track:
                    rows.append((tracks, cutout.top, cutout.left, *cutout.alpha.shape, start))
                    start += file.write(cutout.image.tobytes()) + file.write(cutout.alpha.tobytes())
                tracks += 1
            names.append(video.name)
            sources |= video.sources
            channels = video.channels
            counts = counts + video.covered
            frames += video.frames
        covered = counts / max(1, frames)
        if covered.mean() > MOST_COVERED or not rows:
            message = everything if covered.mean() > MOST_COVERED else nothing
            raise DataError(message.format(videos=len(names), covered=covered.mean()))
    with atomic_path(folder / "cutouts.npy") as partial, partial.open("wb") as file:
        np.save(file, np.array(rows, np.int64))
    write_json(
        folder / "manifest.json",
        {"version": VERSION, "channels": channels, "frame_size": list(covered.shape), "cutting": asdict(cutting),
         "videos": names, "sources": sources, "tracks": tracks, "cutouts": len(rows), "columns": list(COLUMNS)},
    )  # fmt: skip
