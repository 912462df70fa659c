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
from jaxtyping import Float, UInt8

from aed_lightning.core import DataError, atomic_path, stable_hash, write_json

from . import cutting as constants
from .cutting import Cutout, Cutting, TrackCutter

VERSION = 1
COLUMNS = ("track", "top", "left", "height", "width", "start")


class Bank:
    """Cut objects at `folder`, mapped; it travels to other processes as its path.

    covered: share of the frames in which something moved at a pixel. Raises DataError where the folder holds no whole
    bank.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            self.channels: int = manifest["channels"]
            self._rows = np.load(folder / "cutouts.npy", mmap_mode="r", allow_pickle=False)
            self.covered: Float[np.ndarray, "height width"] = np.load(folder / "covered.npy", allow_pickle=False)
            self._pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r")
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
        mask = self._pixels[start + self.channels * area :][:area].reshape(height, width)
        return Cutout(np.asarray(image), np.asarray(mask).view(bool), top, left)

    def __reduce__(self) -> tuple[type["Bank"], tuple[Path]]:
        return Bank, (self.folder,)


def bank_name(cutting: Cutting, videos: Iterable[tuple[str, str]], settings: dict[str, Any]) -> str:
    """A folder name that changes with anything a bank is made of: videos as (name, hash), and the store's settings."""
    fixed = (constants.WINDOW, constants.SAMPLES, constants.FARTHEST_STEP)
    terms = {
        "version": VERSION, "cutting": asdict(cutting), "fixed": fixed, "videos": list(videos), "settings": settings,
    }  # fmt: skip
    return f"self-{stable_hash(json.dumps(terms, sort_keys=True)):016x}"


def write_bank(
    folder: Path,
    cutting: Cutting,
    videos: Iterable[tuple[str, UInt8[np.ndarray, "frames channels height width"]]],
) -> None:
    """Cut every video, given as name and frames, and write the bank. The manifest comes last: it makes it whole.

    One process at a time. Raises DataError where nothing can be followed or everything moves.
    """
    rows: list[tuple[int, ...]] = []
    names: list[str] = []
    covered = np.zeros(())
    channels, start, tracks, frames_seen = 1, 0, 0, 0
    with atomic_path(folder / "pixels.u8") as partial, partial.open("wb") as file:
        for name, frames in videos:
            cutter = TrackCutter(frames, cutting)
            for track in cutter.tracks():
                for cutout in track:
                    rows.append((tracks, cutout.top, cutout.left, *cutout.mask.shape, start))
                    start += file.write(cutout.image.tobytes()) + file.write(cutout.mask.tobytes())
                tracks += 1
            names.append(name)
            channels = frames.shape[1]
            covered = covered + cutter.covered
            frames_seen += len(frames)
        _refuse(len(names), rows, covered / max(1, frames_seen))
    for file_name, array in (("cutouts.npy", np.array(rows, np.int64)), ("covered.npy", covered / frames_seen)):
        with atomic_path(folder / file_name) as partial, partial.open("wb") as file:
            np.save(file, array)
    write_json(
        folder / "manifest.json",
        {"version": VERSION, "channels": channels, "cutting": asdict(cutting), "videos": names,
         "tracks": tracks, "cutouts": len(rows), "columns": list(COLUMNS)},
    )  # fmt: skip


def _refuse(videos: int, rows: list[tuple[int, ...]], covered: np.ndarray) -> None:
    instead = "or take ProceduralTraining as data.anomalies, which cuts nothing"
    if covered.mean() > constants.MOST_COVERED:
        raise DataError(
            f"{covered.mean():.0%} of the pixels of {videos} training videos differ from the background: cutting "
            f"objects needs a fixed camera; raise the source's cutting.difference {instead}"
        )
    if not rows:
        raise DataError(
            f"nothing moves in {videos} training videos that could be cut out and followed: lower the source's "
            f"cutting.difference, cutting.least_share or cutting.shortest, {instead}"
        )
