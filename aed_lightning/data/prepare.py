"""Prepare a data set: decode each video once into a store that training maps into memory."""

import contextlib
import json
import shutil
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..core import DataError, UsageError, atomic_path, write_json
from ..core.files import PARTIAL_FILES
from .annotate import with_annotations
from .layouts import Layout, VideoSource
from .layouts.scan import problems_error
from .lock import locked
from .motion import check_cell
from .progress import Progress, SilentProgress
from .readers import open_video, resolve_reader
from .shards import SHARDS, Shard, some_of
from .sources import path_below, sha256_of, stamp_of
from .store import VERSION, Settings, Store, StorePaths, VideoRow
from .workers import ingest_all

SPARE_BYTES = 2**26
PREPARE_WAIT_SECONDS = 60.0
OTHER_SHARE_SECONDS = 2.0
"""To wait for a share that asks at this moment, too, whether the store is read."""
FOLDERS = ("rows", "frames", "motion", "labels")
Key = tuple[str, str]


def prepare(
    layout: Layout,
    root: Path,
    store: Path,
    *,
    frame_size: tuple[int, int],
    cell: int = 4,
    reader: str = "auto",
    channels: int | None = None,
    progress: Progress | None = None,
    workers: int = 1,
    wait_seconds: float = PREPARE_WAIT_SECONDS,
    merge: bool = False,
    reading: contextlib.ExitStack | None = None,
) -> Store:
    """Bring `store` up to date with `layout` over `root`, doing only what is missing or has changed.

    frame_size: (height, width) in pixels, a multiple of `cell`. channels: 1 or 3, by default what the layout says.
    workers: videos at once; more than one are decoded in processes of their own, which are spawned, so that a script
    needs its `if __name__ == "__main__"`. wait_seconds: how long to wait for another prepare of the same store.
    merge: make one store of what `prepare_shard` has done, and refuse where it is not all.
    reading: keeps others from decoding into the store, until it is closed.
    Labels are validated before anything is decoded where the number of frames allows it. Raises UsageError for
    settings that cannot be, DataError with every broken video and label file; what is finished stays finished.
    """
    settings = _settings(layout, frame_size, cell, reader, channels, workers)
    progress = progress or SilentProgress()
    with locked(store, wait_seconds, progress.note):
        prepared = _Preparation(layout, root, StorePaths(store), settings, progress, workers).run(merge)
        if reading is not None:  # before anybody else may prepare
            reading.enter_context(locked(prepared.paths.readers, 0.0, progress.note, being="prepared", shared=True))
        return prepared


def prepare_shard(
    layout: Layout,
    root: Path,
    store: Path,
    shard: Shard,
    *,
    frame_size: tuple[int, int],
    cell: int = 4,
    reader: str = "auto",
    channels: int | None = None,
    progress: Progress | None = None,
    workers: int = 1,
    wait_seconds: float = PREPARE_WAIT_SECONDS,
) -> list[VideoRow]:
    """Bring the videos of a share up to date, beside other processes that do other shares; their rows.

    There is no manifest before `prepare` has made one of all shares. Arguments and errors are those of `prepare`.
    """
    settings = _settings(layout, frame_size, cell, reader, channels, workers)
    progress = progress or SilentProgress()
    with shard.held(store, wait_seconds, progress.note, "prepared"):
        return _Preparation(layout, root, StorePaths(store), settings, progress, workers, shard).run_shard()


def _settings(
    layout: Layout, frame_size: tuple[int, int], cell: int, reader: str, channels: int | None, workers: int
) -> Settings:
    check_cell(frame_size, cell)
    settings = Settings(resolve_reader(reader), frame_size, cell, layout.channels if channels is None else channels)
    if settings.channels not in (1, 3):
        raise UsageError(f"channels {settings.channels}: a store keeps 1 or 3")
    if workers < 1:
        raise UsageError(f"workers {workers}: give 1 or more videos at once")
    return settings


class _Preparation:
    """The steps of one prepare, of a share or of all, under the lock."""

    def __init__(
        self, layout: Layout, root: Path, paths: StorePaths, settings: Settings, progress: Progress, workers: int,
        shard: Shard | None = None,
    ) -> None:  # fmt: skip
        self.layout, self.root, self.paths, self.settings, self.progress = layout, root, paths, settings, progress
        self.workers = workers
        self.videos = [video for video in layout.videos() if shard is None or shard.has("/".join(_key(video)))]
        self.all = shard is None
        self.claims: dict[Key, int | None] = {}
        self.labels: dict[Key, np.ndarray | None] = {}
        self.problems: list[str] = []

    def run(self, merge: bool) -> Store:
        rows = self._rows(merge)
        self._drop_others()
        self._write_manifest(rows)
        shutil.rmtree(self.paths.root / SHARDS, ignore_errors=True)
        return Store(self.paths.root)

    def run_shard(self) -> list[VideoRow]:
        # Labels may change even where nothing is decoded, and a manifest must not say more than is there.
        if self.paths.manifest.is_file():
            self._refuse_readers()
            self.paths.manifest.unlink()
        return self._rows()

    def _rows(self, merge: bool = False) -> list[VideoRow]:
        """Bring the videos up to date; merge: refuse where there is something to decode."""
        for note in self.layout.notes:
            self.progress.note(f"{self.layout.name}: {note}")
        self._remove_partial_files()
        current = self._current_rows()
        stale = [video for video in self.videos if _key(video) not in current]
        if merge and stale:
            raise DataError(
                f"{self.paths.root}: {len(stale)} of {len(self.videos)} videos are not prepared: "
                f"{some_of(['/'.join(_key(video)) for video in stale])}; "
                "run prepare --shard for every share again, which does only these"
            )
        self._inspect(current)
        self._raise_problems()
        if stale:
            self._announce(stale)
            self._refuse_readers()
            self.paths.manifest.unlink(missing_ok=True)
        rows = self._decode(stale, current)
        self._raise_problems()
        return [rows[_key(video)] for video in self.videos]

    def _current_rows(self) -> dict[Key, VideoRow]:
        """Rows of the videos whose source, settings and store files are as they were."""
        rows, others = {}, 0
        for video in self.videos:
            saved = read_row(self.paths.row(video.split, video.name))
            if saved is None:
                continue
            settings, row = saved
            stamp = stamp_of(video.path)
            same_source = (row.source, row.bytes, row.mtime_ns) == (
                self._shown(video.path),
                stamp.bytes,
                stamp.mtime_ns,
            )
            others += settings != self.settings
            if settings == self.settings and same_source and not file_problems(self.paths, settings, row):
                rows[_key(video)] = row
        if others:
            self.progress.note(f"{self.paths.root}: {others} videos were prepared with other settings, preparing anew")
        return rows

    def _inspect(self, current: dict[Key, VideoRow]) -> None:
        """Open what will be decoded and read all labels, so that most problems show before the long work."""
        for video in self.videos:
            row = current.get(_key(video))
            try:
                claimed = row.frames if row else open_video(video.path, self.settings.reader).claimed_frames
                self.claims[_key(video)] = claimed
                if claimed is not None:
                    self.labels[_key(video)] = self.layout.labels(video, claimed)
            except DataError as error:
                # A container's claim decides nothing: its labels are compared again with the counted frames.
                if error.name != "label_length" or row or video.path.is_dir():
                    self.problems.append(str(error))

    def _decode(self, stale: list[VideoSource], current: dict[Key, VideoRow]) -> dict[Key, VideoRow]:
        """Rows of all videos but the broken ones; those that were current first, the others as they are done."""
        rows: dict[Key, VideoRow] = {}
        problems: dict[Key, str] = {}

        def finish(video: VideoSource, outcome: VideoRow | DataError) -> None:
            try:
                if isinstance(outcome, DataError):
                    raise outcome
                rows[_key(video)] = self._finish(video, outcome)
            except DataError as error:
                problems[_key(video)] = str(error)

        for video in stale:
            self.paths.row(video.split, video.name).unlink(missing_ok=True)
        for video in self.videos:
            if _key(video) in current:
                finish(video, current[_key(video)])
        decoded = ingest_all(stale, self.root, self.paths, self.settings, self.progress, self.workers)
        self.progress.start(len(stale), self._claimed_frames(stale))
        try:
            with contextlib.closing(decoded):
                for video, outcome in decoded:
                    finish(video, outcome)
                    self.progress.video(video.name)
        finally:
            self._remove_partial_files()
            self.progress.done()
        self.problems += [problems[_key(video)] for video in self.videos if _key(video) in problems]
        return rows

    def _finish(self, video: VideoSource, row: VideoRow) -> VideoRow:
        """Write labels, kinds and, last, the row."""
        labels = self.labels.get(_key(video))
        if labels is None or len(labels) != row.frames:
            labels = self.layout.labels(video, row.frames)
        kinds = self.layout.kinds(video, row.frames)
        if labels is not None and kinds is not None and (named := np.flatnonzero([bool(kind) for kind in kinds])).size:
            normal = named[labels[named] == 0]
            if normal.size:
                raise DataError(
                    f"{video.name}: frame {normal[0]} has the label 0 and a track of kind {kinds[normal[0]]!r}; "
                    "correct the one or the other"
                )
        source = video.label_source if labels is not None else None
        labeled = replace(
            row,
            labeled=labels is not None,
            has_kinds=kinds is not None,
            anomalous_frames=None if labels is None else int(labels.sum()),
            label_source=None if source is None else self._shown(source),
            label_sha256=None if source is None else sha256_of(source),
        )
        labeled = with_annotations(self.layout, self.root, video, labeled, labels, was=row)
        if labeled.mask_disagreements:
            self.progress.note(
                f"{labeled.source}: mask and label differ in {labeled.mask_disagreements} of {labeled.frames} frames; "
                "the label counts for frame metrics, the mask for pixel metrics"
            )
        for warning in labeled.warnings:
            self.progress.note(f"{labeled.source}: {warning}")
        row_file = self.paths.row(video.split, video.name)
        if labels is not None:
            with atomic_path(self.paths.labels(video.split, video.name)) as partial, partial.open("wb") as stream:
                np.save(stream, labels)
        if kinds is not None:
            write_json(self.paths.kinds(video.split, video.name), kinds)
        write_json(row_file, {"version": VERSION, "settings": self.settings.to_json(), "row": asdict(labeled)})
        return labeled

    def _announce(self, stale: list[VideoSource]) -> None:
        """Say how much there is to do and what it needs; refuse a disk that is too small for it."""
        frames = self._claimed_frames(stale)
        needed, free = frames * self.settings.frame_bytes, shutil.disk_usage(self.paths.root).free
        numbers = f"{needed / 2**30:.2f} GiB needed, {free / 2**30:.2f} GiB free"
        if needed + SPARE_BYTES > free:
            raise DataError(
                f"{self.paths.root}: {numbers}, for {frames} frames: make room, choose another store or a smaller "
                "frame size"
            )
        unknown = sum(self.claims.get(_key(video)) is None for video in stale)
        more = f" and those of {unknown} videos that do not say how many" if unknown else ""
        self.progress.note(f"{self.paths.root}: {frames} frames of {len(stale)} videos{more} to decode, {numbers}")

    def _claimed_frames(self, videos: list[VideoSource]) -> int:
        return sum(self.claims.get(_key(video)) or 0 for video in videos)

    def _remove_partial_files(self) -> None:
        """What a process left that was ended in the middle of a file; banks and other shares have other writers."""
        mine = {file for video in self.videos for file in self.paths.of_video(video.split, video.name)}
        deep = ((self.paths.root / folder).rglob(PARTIAL_FILES) for folder in FOLDERS)
        for partial in chain(self.paths.root.glob(PARTIAL_FILES), *deep):
            if self.all or partial.with_name(partial.name[1:].rsplit(".", 2)[0]) in mine:
                partial.unlink()

    def _drop_others(self) -> None:
        """Remove the files of videos that are gone."""
        kept = {file for video in self.videos for file in self.paths.of_video(video.split, video.name)}
        there = chain.from_iterable((self.paths.root / folder).rglob("*") for folder in FOLDERS)
        gone = [file for file in there if file.is_file() and file not in kept]
        if gone:
            self._refuse_readers()
        for file in gone:
            file.unlink()

    def _refuse_readers(self) -> None:
        """Raise DataError where somebody reads the store, whose files are about to become others."""
        try:
            with locked(self.paths.readers, OTHER_SHARE_SECONDS, self.progress.note, being="read"):
                pass
        except DataError as error:
            raise DataError(
                f"{error}; what has to be decoded or removed would change under it. Another data set, frame size, cell "
                "or number of channels needs a store of its own: give another --data.store"
            ) from None

    def _write_manifest(self, rows: list[VideoRow]) -> None:
        manifest: dict[str, Any] = {"version": VERSION, "layout": self.layout.name, **self.settings.to_json()}
        write_json(
            self.paths.manifest, {**manifest, "notes": self.layout.notes, "videos": [asdict(row) for row in rows]}
        )

    def _raise_problems(self) -> None:
        if self.problems:
            raise problems_error(f"data root {self.root}", self.problems)

    def _shown(self, path: Path) -> str:
        return path_below(path, self.root)


def read_row(file: Path) -> tuple[Settings, VideoRow] | None:
    """A finished video's settings and row, or none where there is no row of this version that can be read."""
    if not file.is_file():
        return None
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        if saved["version"] != VERSION:
            return None
        return Settings.from_json(saved["settings"]), VideoRow.from_json(saved["row"])
    except (DataError, ValueError, LookupError, TypeError, AttributeError):
        return None


def file_problems(paths: StorePaths, settings: Settings, row: VideoRow) -> list[str]:
    """Frames and motion files of `row` that are missing or do not have the size their shape asks for."""
    problems = []
    for file, shape in (
        (paths.frames(row.split, row.name), settings.frame_shape),
        (paths.motion(row.split, row.name), settings.motion_shape),
    ):
        expected = row.frames * int(np.prod(shape))
        found = file.stat().st_size if file.is_file() else None
        if found != expected:
            problems.append(f"{file}: {'missing' if found is None else f'{found} bytes'}, {expected} bytes expected")
    return problems


def _key(video: VideoSource) -> Key:
    return video.split, video.name
