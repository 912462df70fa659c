"""The store: what prepare wrote, opened read-only.

STORE/manifest.json              all videos, one row each, and the settings
STORE/rows/SPLIT/NAME.json       one row, written when its video is finished: what makes prepare resumable
STORE/frames/SPLIT/NAME.u8       (frames, channels, height, width) bytes
STORE/motion/SPLIT/NAME.u8       (frames, channels, height/cell, width/cell) bytes
STORE/labels/SPLIT/NAME.npy      (frames,) uint8, and NAME.kinds.json, a name a frame
"""

import json
import mmap
import resource
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import UInt8

from ..core import DataError
from .layouts import Split
from .layouts.labels import checked, read_npy
from .names import name_problem

VERSION = 1
GRADIENT = "central"
MOST_OPEN_MAPS = max(128, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
"""Each holds a file descriptor; two a video. Opening one anew takes as long as loading ten clips."""


@dataclass(frozen=True)
class Settings:
    """What every frame of a store was made with; frame_size is (height, width) in pixels."""

    reader: str
    frame_size: tuple[int, int]
    cell: int
    channels: int
    gradient: str = GRADIENT

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, *self.frame_size)

    @property
    def motion_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns)."""
        return (self.channels, self.frame_size[0] // self.cell, self.frame_size[1] // self.cell)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame with its motion maxima."""
        return int(np.prod(self.frame_shape) + np.prod(self.motion_shape))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "frame_size": list(self.frame_size)}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Settings":
        fields = {name: values[name] for name in ("reader", "cell", "channels", "gradient")}
        return Settings(frame_size=(values["frame_size"][0], values["frame_size"][1]), **fields)


@dataclass(frozen=True)
class FileRow:
    """A file or a folder of images that was read. path: below the data root; bytes, mtime_ns: see `Stamp`."""

    path: str
    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class VideoRow:
    """One prepared video.

    frames: as counted by decoding; claimed_frames: what the container promised. fps: frames a second, or none.
    source: path below the data root; source_size: (height, width) in pixels; bytes, mtime_ns, sha256: of the source.
    label_source, label_sha256: the file that decided the labels. anomalous_frames: number of labels that are 1.
    masks, tracks: what holds them, or none. mask_disagreements: frames whose mask and label say different things.
    """

    name: str
    split: Split
    frames: int
    claimed_frames: int | None
    fps: float | None
    source_size: tuple[int, int]
    source: str
    bytes: int
    mtime_ns: int
    sha256: str
    labeled: bool = False
    has_kinds: bool = False
    anomalous_frames: int | None = None
    label_source: str | None = None
    label_sha256: str | None = None
    warnings: tuple[str, ...] = ()
    masks: FileRow | None = None
    tracks: FileRow | None = None
    mask_disagreements: int | None = None

    @staticmethod
    def from_json(values: dict[str, Any]) -> "VideoRow":
        """A row of a manifest. Raises DataError for a name that would lead out of the store."""
        tuples = {"source_size": tuple(values["source_size"]), "warnings": tuple(values["warnings"])}
        files = {name: FileRow(**values[name]) for name in ("masks", "tracks") if values.get(name)}
        row = VideoRow(**{**values, **tuples, **files})
        if name_problem(row.name) or row.split not in ("train", "test"):
            raise DataError(f"store row {row.split!r} {row.name!r} is no video of a store: prepare again")
        return row


@dataclass(frozen=True)
class StorePaths:
    """The files of a store at `root`."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def readers(self) -> Path:
        """Whose lock those share that read the store."""
        return self.root / "readers"

    def row(self, split: str, name: str) -> Path:
        return self.root / "rows" / split / f"{name}.json"

    def frames(self, split: str, name: str) -> Path:
        return self.root / "frames" / split / f"{name}.u8"

    def motion(self, split: str, name: str) -> Path:
        return self.root / "motion" / split / f"{name}.u8"

    def labels(self, split: str, name: str) -> Path:
        return self.root / "labels" / split / f"{name}.npy"

    def kinds(self, split: str, name: str) -> Path:
        return self.root / "labels" / split / f"{name}.kinds.json"

    def of_video(self, split: str, name: str) -> list[Path]:
        """Every file of one video, the row first."""
        return [kind(split, name) for kind in (self.row, self.frames, self.motion, self.labels, self.kinds)]


class Store:
    """A prepared data set. Memory maps open when asked for and do not travel to other processes.

    frame_size: (height, width) in pixels. cell: side of a motion cell in pixels. channels: 1 or 3.
    notes: what the layout had to say about the data. Raises DataError where there is no whole store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paths = StorePaths(path)
        manifest = _read_manifest(self.paths.manifest)
        self.layout: str = manifest["layout"]
        self.notes: list[str] = manifest["notes"]
        self.settings = Settings.from_json(manifest)
        self.frame_size, self.cell = self.settings.frame_size, self.settings.cell
        self.channels = self.settings.channels
        self._rows = [VideoRow.from_json(row) for row in manifest["videos"]]
        self._maps: dict[Path, np.ndarray] = {}

    def videos(self, split: Split) -> list[VideoRow]:
        """The videos of a split, in natural order."""
        return [row for row in self._rows if row.split == split]

    def frames(self, row: VideoRow) -> UInt8[np.ndarray, "frames channels height width"]:
        """All frames of a video, mapped. Raises DataError where the file is missing or has another size."""
        return self._map(self.paths.frames(row.split, row.name), (row.frames, *self.settings.frame_shape))

    def fetch(self, row: VideoRow, frames: Iterable[int]) -> None:
        """Have the system read these frames ahead, for whichever process asks for them next; returns at once."""
        size = int(np.prod(self.settings.frame_shape))
        mapped: Any = self.frames(row).base
        for frame in frames:
            start = frame * size // mmap.PAGESIZE * mmap.PAGESIZE
            mapped.base.madvise(mmap.MADV_WILLNEED, start, (frame + 1) * size - start)

    def motion(self, row: VideoRow) -> UInt8[np.ndarray, "frames channels rows columns"]:
        """The motion maxima of a video in gray levels, mapped. Raises DataError as `frames`."""
        return self._map(self.paths.motion(row.split, row.name), (row.frames, *self.settings.motion_shape))

    def labels(self, row: VideoRow) -> UInt8[np.ndarray, " frames"] | None:
        """0 or 1 for each frame, or none for a video without labels."""
        if not row.labeled:
            return None
        file = self.paths.labels(row.split, row.name)
        if not file.is_file():
            raise DataError(f"{file} is missing: prepare again")
        return checked(read_npy(file), row.frames, file)

    def kinds(self, row: VideoRow) -> list[str] | None:
        """The kind of anomaly in each frame, "" where there is none, or none for a video without kinds."""
        if not row.has_kinds:
            return None
        file = self.paths.kinds(row.split, row.name)
        try:
            kinds = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read ({error}): prepare again") from error
        if not isinstance(kinds, list) or len(kinds) != row.frames:
            raise DataError(f"{file} is no list of {row.frames} kinds: prepare again")
        return cast(list[str], kinds)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def _map(self, file: Path, shape: tuple[int, ...]) -> np.ndarray:
        if file not in self._maps:
            if not file.is_file() or file.stat().st_size != int(np.prod(shape)):
                found = f"{file.stat().st_size} bytes" if file.is_file() else "missing"
                raise DataError(f"{file}: {found}, {int(np.prod(shape))} bytes expected: prepare again")
            # A map keeps a file descriptor, and large data sets have more videos than a process may open.
            while len(self._maps) >= MOST_OPEN_MAPS:
                self._maps.pop(next(iter(self._maps)))
            # As a plain array: indexing NumPy's own maps costs more than reading the pixels.
            self._maps[file] = np.asarray(np.memmap(file, dtype=np.uint8, mode="r", shape=shape))
        return self._maps[file]


def _read_manifest(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise DataError(f"{file} is missing: run prepare, it writes the manifest when every video is done")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is no JSON ({error}): prepare again") from error
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if version != VERSION:
        raise DataError(f"{file} has version {version!r}, this program reads {VERSION}: prepare again")
    return cast(dict[str, Any], manifest)
