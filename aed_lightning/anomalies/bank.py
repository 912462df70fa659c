"""The bank: objects cut from training videos, on disk, read through a memory map.

FOLDER/manifest.json   version, how it was cut, from which videos, and how much is in it
FOLDER/cutouts.npy     one row a cutout: track, top, left, height, width, first byte in pixels.u8
FOLDER/pixels.u8       image and mask of each cutout, one after the other
FOLDER/covered.npy     (height, width) share of the frames in which something moved there
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64, UInt8

from aed_lightning.core import DataError, atomic_path, stable_hash, write_json

from .annotated import ObjectCutting
from .cutting import Cutout, Cutting, CutVideo, cut_tracks

VERSION = 1
COLUMNS = ("track", "top", "left", "height", "width", "start")


class Bank:
    """Cut objects at `folder`. Maps open when asked for and do not travel to other processes.

    Raises DataError where the folder holds no whole bank.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            rows: Int64[np.ndarray, "cutouts 6"] = np.load(folder / "cutouts.npy", allow_pickle=False)
            self.covered: Float[np.ndarray, "height width"] = np.load(folder / "covered.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{folder} holds no whole bank of objects ({error}): remove it and run again") from error
        self.channels: int = manifest["channels"]
        self._rows = rows
        self._starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
        self._pixels: np.memmap[Any, np.dtype[np.uint8]] | None = None

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
        if self._pixels is None:
            self._pixels = np.memmap(self.folder / "pixels.u8", dtype=np.uint8, mode="r")
        area = height * width
        image = self._pixels[start : start + self.channels * area].reshape(self.channels, height, width)
        mask = self._pixels[start + self.channels * area :][:area].reshape(height, width)
        return Cutout(np.asarray(image), np.asarray(mask).view(bool), top, left)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": None}


def there_and_back(moment: int, length: int) -> int:
    """The frame of a track of `length` frames to show at any moment: forward to its end, then backward, and so on."""
    last = length - 1
    moment = abs(moment) % (2 * last)
    return min(moment, 2 * last - moment)


def bank_name(
    cutting: Cutting | ObjectCutting, videos: Iterable[tuple[str, str]], settings: dict[str, Any], kind: str = "self"
) -> str:
    """A folder name that changes with anything a bank is made of: videos as (name, hash), and the store's settings."""
    terms = {"version": VERSION, "cutting": asdict(cutting), "videos": list(videos), "settings": settings}
    return f"{kind}-{stable_hash(json.dumps(terms, sort_keys=True)):016x}"


def write_bank(
    folder: Path,
    cutting: Cutting,
    videos: Iterable[tuple[str, UInt8[np.ndarray, "frames channels height width"]]],
) -> None:
    """Cut what moves out of every video, given as name and frames, and write the bank.

    Raises DataError where nothing that moves could be followed.
    """
    write_cuts(
        folder,
        cutting,
        (CutVideo(name, len(frames), frames.shape[1], *cut_tracks(frames, cutting)) for name, frames in videos),
        "nothing moves in {} training videos that could be cut out and followed: lower the source's "
        "cutting.difference or cutting.shortest, or take data.anomalies ProceduralTraining",
    )


def write_cuts(folder: Path, cutting: Cutting | ObjectCutting, videos: Iterable[CutVideo], nothing: str) -> None:
    """Write the bank of what was cut out of `videos`. The manifest comes last: it makes the bank whole.

    Raises DataError where there are no tracks; `nothing` is its message, with {} for the number of videos.
    """
    rows: list[tuple[int, ...]] = []
    names: list[str] = []
    sources: dict[str, str] = {}
    covered: np.ndarray | None = None
    channels, start, tracks, frames_seen = 1, 0, 0, 0
    with atomic_path(folder / "pixels.u8") as partial, partial.open("wb") as file:
        for video in videos:
            names.append(video.name)
            sources |= video.sources
            channels = video.channels
            weighted = video.covered * video.frames
            covered = weighted if covered is None else covered + weighted
            frames_seen += video.frames
            for track in video.tracks:
                for cutout in track:
                    rows.append((tracks, cutout.top, cutout.left, *cutout.mask.shape, start))
                    start += file.write(cutout.image.tobytes()) + file.write(cutout.mask.tobytes())
                tracks += 1
    if covered is None or not rows:
        raise DataError(nothing.replace("{}", str(len(names))))
    for file_name, array in (("cutouts.npy", np.array(rows, np.int64)), ("covered.npy", covered / frames_seen)):
        with atomic_path(folder / file_name) as partial, partial.open("wb") as file:
            np.save(file, array)
    write_json(
        folder / "manifest.json",
        {"version": VERSION, "channels": channels, "cutting": asdict(cutting), "videos": names, "sources": sources,
         "tracks": tracks, "cutouts": len(rows), "columns": list(COLUMNS)},
    )  # fmt: skip
