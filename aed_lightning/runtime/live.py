"""Score a camera or a stream for as long as it lasts, at its pace."""

import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core import DataError
from ..data.ingest import stored_frame
from ..data.readers.live import LiveReader
from .live_windows import LiveWindows, Say
from .notify import Notifier
from .overlay import Overlay, overlay_size
from .recordings import Manner
from .results import Incident, Results, tell
from .scorer import Scorer
from .sources import LiveSource

OVERLAY_SECONDS = 3600.0
"""After so much video the overlay goes on in another file: a camera is watched for weeks."""


def score_live(
    scorer: Scorer, source: LiveSource, folder: Path, manner: Manner, say: Say, about: dict[str, Any],
    *, seconds: float | None = None, ended: threading.Event | None = None, notifier: Notifier | None = None,
) -> LiveWindows:  # fmt: skip
    """Write `scores.csv`, `events.json` and `overlay.mp4` as the frames come; smoothing is causal.

    seconds: after which it ends, or none for when it is interrupted. ended: ends it too, once it is set.
    notifier: told of each event that has ended; an outage ends the event that is going on.
    Times count from the first frame. The overlay has the size of the first frame and `manner.fps` frames a second;
    each hour of it is a file. Where the frames change their size, events keep to pixels of the first.
    Raises DataError where no frame was scored until the end.
    """
    ended = threading.Event() if ended is None else ended
    alarm, began = manner.alarm(manner.fps), time.monotonic()
    results: Results | None = None
    overlay: Overlay | None = None

    def ended_now(incidents: list[Incident]) -> None:
        for incident in incidents:
            say(f"event from {incident.start_time:.1f} to {incident.end_time:.1f} s, peak {incident.peak:.4g}")
        tell(notifier, source.shown, incidents)

    def gap() -> None:
        if results is not None:
            ended_now(results.gap())

    def finish() -> None:
        if results is not None:
            ended_now(results.close())

    with ExitStack() as stack:
        stack.callback(finish)
        reader = stack.enter_context(LiveReader(source.address))
        live = stack.enter_context(
            LiveWindows(reader, scorer.shape, scorer.clip_offset, manner.stride, say, gap=gap, ended=ended)
        )
        if seconds is not None:
            timer = threading.Timer(seconds, ended.set)
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        for scored in scorer.stream_windows("live", live.batches(), causal=True, stride=manner.stride):
            picture = live.picture(scored.frame_index)
            size = (picture.frame.shape[0], picture.frame.shape[1])
            if results is None:
                began = picture.came
                results = Results(
                    folder, alarm, size=size, fps=manner.fps, stride=manner.stride,
                    about={"source": source.shown, "fps": None, "size": list(size), "stride": manner.stride,
                           **asdict(alarm), **about},
                )  # fmt: skip
                if manner.overlay:
                    fps = manner.fps / manner.stride
                    overlay = stack.enter_context(
                        Overlay(folder / "overlay.mp4", overlay_size(size), fps, alarm, longest=OVERLAY_SECONDS)
                    )
            ended_now(results.write(scored, picture.came - began))
            if overlay is not None:
                small = stored_frame(picture.frame, overlay.size, 3).transpose(1, 2, 0)
                overlay.write(small, scored, picture.came - began, alarmed=results.alarmed)
    if results is None:
        raise DataError(
            f"{source.shown}: ended before a frame was scored; see if the address is right and the camera sends"
        )
    results.finish()
    return live
