"""Banks of objects to paste, below the store: cut once, opened wherever clips are made."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..anomalies import AnomalySource, SelfCut, UBnormalObjects
from ..anomalies.annotated import AnnotatedFrame, cut_annotated
from ..anomalies.bank import Bank, bank_name, write_bank, write_cuts
from ..anomalies.cutting import CutVideo
from ..anomalies.mixed import cutters
from ..core.files import PARTIAL_FILES
from .ingest import stored_frame
from .layouts import VideoSource
from .layouts.annotations import annotations_of
from .layouts.ubnormal import abnormal_training_videos
from .lock import locked
from .progress import Progress, SilentProgress
from .readers import open_video
from .sources import path_below, sha256_of, stamp_of
from .store import Store, VideoRow

WAIT_SECONDS = 24 * 3600.0
"""How long a process waits for another one that cuts objects for the same store."""


class Banks:
    """The banks of a store. rows: gives the normal videos to cut from, if a source cuts from them."""

    def __init__(self, store: Store, rows: Callable[[], list[VideoRow]]) -> None:
        self._store, self._rows = store, rows
        self._folder = store.path / "banks"

    def open(self, anomalies: AnomalySource, progress: Progress | None = None) -> None:
        """Give each source in `anomalies` that needs a bank its own, cut where it is missing.

        One process cuts, the others wait for it. Raises DataError where nothing can be cut, where a bank is not whole,
        or where UBnormal does not lie where the source says.
        """
        progress = progress or SilentProgress()
        for source in cutters(anomalies):
            folder = self._folder / self._name(source)
            with locked(self._folder, WAIT_SECONDS, progress.note):
                for partial in self._folder.rglob(PARTIAL_FILES):
                    partial.unlink()
                if not (folder / "manifest.json").is_file():
                    self._write(source, folder, progress)
            source.use(Bank(folder))

    def _write(self, source: SelfCut | UBnormalObjects, folder: Path, progress: Progress) -> None:
        try:
            if isinstance(source, SelfCut):
                write_bank(folder, source.cutting, self._told(progress))
                return
            root = str(source.root).replace("{", "{{").replace("}", "}}")
            write_cuts(
                folder,
                source.cutting,
                self._annotated(source, progress),
                nothing=f"no object of {{videos}} abnormal training videos below {root} is of a size to paste: lower "
                "least_pixels or raise most_share of UBnormalObjects",
                everything=f"objects cover {{covered:.0%}} of {{videos}} abnormal training videos below {root}: "
                "look at the annotations",
            )
        finally:
            progress.done()

    def _told(self, progress: Progress) -> Iterator[tuple[str, np.ndarray]]:
        """Names and frames of the training videos, with word of each that is done."""
        rows = self._rows()
        progress.note(f"cutting moving objects from {len(rows)} training videos")
        progress.start(len(rows), sum(row.frames for row in rows))
        for row in rows:
            yield row.name, self._store.frames(row)
            progress.frames(row.frames)
            progress.video(row.name)

    def _name(self, source: SelfCut | UBnormalObjects) -> str:
        settings = self._store.settings.to_json()
        if isinstance(source, SelfCut):
            return bank_name(source.cutting, [(row.name, row.sha256) for row in self._rows()], settings)
        # Size and time of change tell a change; hashing tens of gigabytes at each start would not be worth it.
        videos = [(video.name, str(_stamps(video))) for video in abnormal_training_videos(source.root)]
        return bank_name(source.cutting, videos, settings, kind="ubnormal")

    def _annotated(self, source: UBnormalObjects, progress: Progress) -> Iterator[CutVideo]:
        videos = abnormal_training_videos(source.root)
        progress.note(f"cutting annotated objects from {len(videos)} abnormal training videos")
        progress.start(len(videos), 0)
        for video in videos:
            decoded = _Decoded(video, self._store)
            tracks, covered = cut_annotated(decoded.frames(), source.cutting)
            sources = {path_below(path, source.root): sha256_of(path) for path in _files(video)}
            yield CutVideo(video.name, self._store.channels, tracks, covered, decoded.count, sources)
            progress.frames(decoded.count)
            progress.video(video.name)


class _Decoded:
    """One video of UBnormal, its frames as the store would keep them; `count` is their number after the last one."""

    def __init__(self, video: VideoSource, store: Store) -> None:
        self._video, self._store = video, store
        self.count = 0

    def frames(self) -> Iterator[AnnotatedFrame]:
        reader = open_video(self._video.path, self._store.settings.reader)
        annotations = None
        for frame in reader.frames():
            annotations = annotations or annotations_of(self._video, (frame.shape[0], frame.shape[1]))
            kept = stored_frame(frame, self._store.frame_size, self._store.channels)
            yield kept, annotations.objects(self.count)
            self.count += 1
        if annotations is not None:
            annotations.within(self.count)


def _files(video: VideoSource) -> list[Path]:
    return [path for path in (video.path, video.label_source, video.mask_source) if path is not None]


def _stamps(video: VideoSource) -> list[tuple[int, int]]:
    return [(stamp.bytes, stamp.mtime_ns) for stamp in map(stamp_of, _files(video))]
