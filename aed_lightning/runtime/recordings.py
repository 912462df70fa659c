"""Score one recording from its first frame to its last, with everything that is to be seen of it."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ..core import DataError, UsageError
from ..data.ingest import stored_frame
from ..data.progress import Progress
from ..data.readers import HANGS, decoder_log, open_video, resolve_reader
from ..data.readers.deadline import in_time
from ..scoring.events import Alarm
from .gating import EVERY_FRAME, Gate
from .notify import Notifier
from .overlay import Overlay, overlay_size
from .results import Incident, Results, tell
from .scorer import ScoredFrame, Scorer
from .sources import Recording
from .timeline import write_timeline

Frame = UInt8[np.ndarray, "height width 3"]
MOST = 1e9
"""Of frames and seconds; no recording has so many."""


@dataclass(frozen=True)
class Manner:
    """How recordings are scored.

    threshold, release, min_seconds: of an event, see `Alarm`. stride: score every so many frames. gate: which of these
    need not be computed. overlay: whether `overlay.mp4` is made. fps: of recordings that do not say. batch_size: frames
    at once, or as suits the engine. reader: as for `open_video`. resume: go on where the results end.

    Raises UsageError.
    """

    threshold: float
    release: float
    min_seconds: float = 0.5
    stride: int = 1
    gate: Gate = EVERY_FRAME
    overlay: bool = True
    fps: float = 25.0
    batch_size: int | None = None
    reader: str = "auto"
    resume: bool = False

    def __post_init__(self) -> None:
        for name, value, least in (
            ("--stride", self.stride, 1), ("--batch-size", self.batch_size, 1), ("--min-seconds", self.min_seconds, 0),
        ):  # fmt: skip
            if value is not None and not least <= value < MOST:
                raise UsageError(f"{name} {value}: give {least} or more, and less than {MOST:g}")
        if not 0 < self.fps <= 1000:
            raise UsageError(f"--fps {self.fps}: give frames a second, more than 0 and up to 1000")
        resolve_reader(self.reader)
        self.alarm(self.fps)

    def alarm(self, fps: float) -> Alarm:
        """For a recording of so many frames a second."""
        return Alarm(self.threshold, self.release, max(1, round(self.min_seconds * fps / self.stride)))


def score_recording(
    scorer: Scorer, recording: Recording, folder: Path, manner: Manner, progress: Progress, about: dict[str, Any],
    notifier: Notifier | None = None,
) -> list[Incident]:  # fmt: skip
    """Write `scores.csv`, `events.json`, `timeline.png` and `overlay.mp4` into `folder`; the events.

    about: what events.json says of the weights. Raises DataError for a source without frames or with a broken one, and
    OSError where the results cannot be written; what was written until then stays valid.
    notifier: told of each event that has ended, at most once, however often the scoring is interrupted and goes on.
    """
    reader = open_video(recording.path, manner.reader, manner.fps)
    fps = reader.fps or manner.fps
    with decoder_log(reader.warnings), ExitStack() as stack:
        first = in_time(lambda: next(reader.frames(), None), reader.pulse)
        if first is None:
            raise DataError(f"{recording.path} has no frames")
        size, alarm = (first.shape[0], first.shape[1]), manner.alarm(fps)
        results = Results(
            folder, alarm, size=size, fps=fps, stride=manner.stride, resume=manner.resume,
            about={"source": str(recording.path), "fps": fps, "size": list(size), "stride": manner.stride,
                   "bytes": recording.bytes, "backend": scorer.engine.backend,
                   "precision": scorer.engine.precision, "min_seconds": manner.min_seconds,
                   **_told(manner.gate), **asdict(alarm), **about},
        )  # fmt: skip
        if results.complete:
            results.close()
            progress.note(f"{recording.path}: scored already")
            return results.incidents
        needed = manner.gate.needed(scorer.clip_offset, manner.stride)
        frames = reader.frames() if manner.overlay else reader.some(needed)
        seen = _Seen(enumerate(frames), overlay_size(size), manner, results.next_frame)
        overlay = None
        if manner.overlay:
            overlay = stack.enter_context(
                Overlay(_overlay_path(folder, results.next_frame), overlay_size(size), fps / manner.stride, alarm)
            )

        ended = False
        try:
            for scored in scorer.stream(
                recording.name, seen, stride=manner.stride, gate=manner.gate, batch_size=manner.batch_size,
                first=results.next_frame, pulse=reader.pulse,
            ):  # fmt: skip
                tell(notifier, str(recording.path), results.write(scored, scored.frame_index / fps))
                if overlay is not None:
                    overlay.write(seen.frame(scored), scored, scored.frame_index / fps, alarmed=results.alarmed)
                progress.frames(manner.stride, manner.stride / fps)
            ended = True
        except DataError as error:
            ended = error.name != HANGS  # after a broken frame nothing comes, after a disk that hung there may
            raise
        finally:
            tell(notifier, str(recording.path), results.close(ended=ended))
    for warning in reader.warnings:
        progress.note(f"{recording.path}: {warning}")
    write_timeline(folder, results.incidents, recording.name)
    results.finish()
    return results.incidents


def frames_to_score(recording: Recording, folder: Path, manner: Manner) -> int:
    """How many frames the container promises beyond those that `folder` has; 0 where that cannot be told."""
    try:
        claimed = open_video(recording.path, manner.reader, manner.fps).claimed_frames or 0
    except DataError:
        return 0  # score_recording says why
    scores = folder / "scores.csv"
    lines = scores.read_bytes().count(b"\n") if manner.resume and scores.is_file() else 0
    return max(0, claimed - max(0, lines - 1) * manner.stride)


def _told(gate: Gate) -> dict[str, Any]:
    """What events.json says of it."""
    return {"skip": gate.skip, "gate": None if gate.levels == float("inf") else gate.levels}


class _Seen:
    """Frames on their way to the scorer; those that the overlay will show are kept, small, until it has."""

    def __init__(
        self, frames: Iterable[tuple[int, Frame | None]], size: tuple[int, int], manner: Manner, first: int
    ) -> None:
        self._frames, self._size, self._manner, self._first = frames, size, manner, first
        self._kept: deque[tuple[int, Frame]] = deque()

    def __iter__(self) -> Iterator[tuple[int, Frame | None]]:
        for number, frame in self._frames:
            if (
                self._manner.overlay
                and frame is not None
                and number >= self._first
                and number % self._manner.stride == 0
            ):
                small = stored_frame(frame, self._size, 3)
                self._kept.append((number, np.ascontiguousarray(small.transpose(1, 2, 0))))
            yield number, frame

    def frame(self, scored: ScoredFrame) -> Frame:
        """The picture of a scored frame; those before it are forgotten."""
        number, frame = self._kept.popleft()
        assert number == scored.frame_index
        return frame


def _overlay_path(folder: Path, first: int) -> Path:
    """`overlay.mp4`, or with the number of its first frame where a video of the frames before is there."""
    path = folder / "overlay.mp4"
    return folder / f"overlay-{first}.mp4" if first and path.exists() else path
