"""How soon events are noticed, and how often nothing is: detection delay and false alarms per hour."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from aed_lightning.core import DataError, FrameScores, UsageError

from .standard import ranked_scores, smoothed_of


@dataclass(frozen=True)
class EventDelay:
    """One maximal run of anomalous frames, from position `start` up to but without `end` among the scored frames.

    delay: frames from the start to the first score at or above the threshold; none where there is none. early: the
    score had reached the threshold in the frame before, and has it in the first frame.
    """

    start: int
    end: int
    delay: int | None
    early: bool


def event_delays(
    smoothed: Float[np.ndarray, " frames"], anomalous: Bool[np.ndarray, " frames"], threshold: float | int
) -> list[EventDelay]:
    """Each event of one video, in order of time."""
    above = smoothed >= threshold
    return [_delay(above, int(start), int(end)) for start, end in _runs(anomalous)]


def detection_delay(
    videos: Sequence[FrameScores],
    threshold: float | int,
    *,
    sigma_frames: float | int,
    stride: int = 1,
    fps: Mapping[str, float | int] | None = None,
) -> dict[str, Any]:
    """Delay of all events and false alarms under causal smoothing (centered smoothing would know the future).

    threshold: of smoothed scores, calibrated on normal training video with the same causal smoothing. stride: the
    distance of neighboring scored frames. fps: frames a second of each video; without it nothing is told in seconds.
    Gives threshold, sigma, events, early, missed, missed_share, median_frames and p90_frames (over events that were
    noticed in time to have a delay: neither missed nor early), median_seconds, p90_seconds, false_alarms (runs at or
    above the threshold in which no frame is anomalous), false_alarms_per_hour, hours, and per_event: video, start, end,
    delay (in frames of the video), early. Frames that are missing end an event or a false alarm.
    Raises UsageError `bad_threshold`, DataError `no_frame_rate`, and those of `standard` but `single_class`.
    """
    if not np.isfinite(threshold):
        raise UsageError(f"threshold {threshold!r}: give a number", name="bad_threshold")
    ranked = ranked_scores(videos, sigma_frames=sigma_frames, stride=stride, causal=True)
    if fps is not None:
        _refuse_missing_rates(ranked, fps)
    per_event: list[dict[str, Any]] = []
    frames: list[int] = []
    seconds: list[float] = []
    false_alarms, hours = 0, 0.0
    for scores in ranked:
        anomalous = np.asarray(scores.label) == 1
        rate = None if fps is None else fps[scores.video]
        hours += 0.0 if rate is None else len(anomalous) * stride / rate / 3600
        for part in _without_gaps(scores.frame_index, stride):
            smoothed, flags = smoothed_of(scores)[part], anomalous[part]
            false_alarms += sum(not flags[start:end].any() for start, end in _runs(smoothed >= threshold))
            for event in event_delays(smoothed, flags, threshold):
                counted = _in_frames(event, scores.frame_index[part], stride)
                per_event.append({"video": scores.video, **asdict(counted)})
                if counted.delay is not None and not counted.early:
                    frames.append(counted.delay)
                    seconds += [] if rate is None else [counted.delay / rate]
    missed = sum(event["delay"] is None for event in per_event)
    return {
        "threshold": float(threshold),
        "sigma": float(sigma_frames),
        "events": len(per_event),
        "early": sum(event["early"] for event in per_event),
        "missed": missed,
        "missed_share": missed / len(per_event) if per_event else None,
        "median_frames": _quantile(frames, 0.5),
        "p90_frames": _quantile(frames, 0.9),
        "median_seconds": _quantile(seconds, 0.5),
        "p90_seconds": _quantile(seconds, 0.9),
        "false_alarms": false_alarms,
        "false_alarms_per_hour": false_alarms / hours if hours else None,
        "hours": hours if fps is not None else None,
        "per_event": per_event,
    }


def _without_gaps(frame_index: np.ndarray, stride: int) -> list[slice]:
    """The parts of a video in which no frame is missing: no event goes on across a gap, nor does smoothing."""
    ends = [0, *(np.flatnonzero(np.diff(frame_index) != stride) + 1).tolist(), len(frame_index)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _delay(above: np.ndarray, start: int, end: int) -> EventDelay:
    noticed = np.flatnonzero(above[start:end])
    early = bool(start > 0 and above[start - 1] and above[start])
    return EventDelay(start, end, int(noticed[0]) if len(noticed) else None, early)


def _in_frames(event: EventDelay, frame_index: np.ndarray, stride: int) -> EventDelay:
    """The same event in frames of the video instead of positions among the scored ones."""
    start = int(frame_index[event.start])
    noticed = None if event.delay is None else int(frame_index[event.start + event.delay]) - start
    return EventDelay(start, int(frame_index[event.end - 1]) + stride, noticed, event.early)


def _runs(flags: np.ndarray) -> Int64[np.ndarray, "runs 2"]:
    """Start and end (just outside) of each maximal run of true."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def _quantile(values: Sequence[float | int], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _refuse_missing_rates(videos: Sequence[FrameScores], fps: Mapping[str, float | int]) -> None:
    for scores in videos:
        rate = fps.get(scores.video)
        if rate is None or not np.isfinite(rate) or rate <= 0:
            raise DataError(
                f"video {scores.video!r}: its frame rate is {rate}; give that of every video, or of none",
                name="no_frame_rate",
            )
