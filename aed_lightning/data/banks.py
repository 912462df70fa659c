"""Banks of objects to paste, below the store: cut once, opened wherever clips are made."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ..anomalies import AnomalySource, SelfCut, UBnormalObjects
from ..anomalies.annotated import AnnotatedFrame, cut_annotated
from ..anomalies.bank import Bank, bank_name, write_bank, write_cuts
from ..anomalies.cutting import CutVideo
from ..anomalies.mixed import cutters
from .ingest import stored_frame
from .layouts import VideoSource
from .layouts.annotations import annotations_of
from .layouts.ubnormal import abnormal_training_videos
from .progress import Progress, SilentProgress
from .readers import open_video
from .sources import path_below, sha256_of, stamp_of
from .store import Store, VideoRow


class Banks:
    """The banks of a store. rows: gives the training videos without those held out, if a source cuts from them."""

    def __init__(self, store: Store, rows: Callable[[], list[VideoRow]]) -> None:
        self._store, self._rows = store, rows
        self._folder = store.path / "banks"

    def write(self, anomalies: AnomalySource, progress: Progress | None = None) -> None:
        """Write the bank of each source in `anomalies` that needs one and has none.

        Raises DataError where nothing can be cut, or where UBnormal does not lie where the source says.
        """
        for source in cutters(anomalies):
            folder = self._folder / self._name(source)
            if (folder / "manifest.json").is_file():
                continue
            if isinstance(source, UBnormalObjects):
                nothing = (
                    f"no object of {{}} abnormal training videos below {source.root} is of a size to paste: lower "
                    "least_pixels or raise most_share of UBnormalObjects"
                )
                write_cuts(folder, source.cutting, self._annotated(source, progress or SilentProgress()), nothing)
            else:
                frames = ((row.name, self._store.frames(row)) for row in self._rows())
                write_bank(folder, source.cutting, frames)

    def open(self, anomalies: AnomalySource) -> None:
        """Give each source in `anomalies` that needs a bank its own. Raises DataError where it is not whole."""
        for source in cutters(anomalies):
            source.use(Bank(self._folder / self._name(source)))

    def _name(self, source: SelfCut | UBnormalObjects) -> str:
        settings = self._store.settings.to_json()
        if isinstance(source, SelfCut):
            return bank_name(source.cutting, [(row.name, row.sha256) for row in self._rows()], settings)
        # Size and time of change tell a change; hashing tens of gigabytes at each start would not be worth it.
        videos = [(video.name, str(_stamps(video))) for video in abnormal_training_videos(source.root)]
        return bank_name(source.cutting, videos, settings, kind="ubnormal")

    def _annotated(self, source: UBnormalObjects, progress: Progress) -> Iterator[CutVideo]:
        videos = abnormal_training_videos(source.root)
        for number, video in enumerate(videos, start=1):
            decoded = _Decoded(video, self._store)
            tracks, covered = cut_annotated(decoded.frames(), source.cutting)
            sources = {path_below(path, source.root): sha256_of(path) for path in _files(video)}
            yield CutVideo(video.name, decoded.count, self._store.channels, tracks, covered, sources)
            progress.note(f"{number} of {len(videos)} videos: {len(tracks)} tracks of objects cut out of {video.name}")


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
