"""How well detected regions cover annotated ones: RBDC and TBDC.

Ramachandra and Jones, Street Scene, WACV 2020; the rules stand in docs/evaluation.md. All scores that are equal
enter at once, so nothing depends on the order of detections.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float64

from aed_lightning.core import DataError, Detection, Region, VideoRegions

IOU_OF_A_HIT = 0.1
SHARE_OF_A_TRACK = 0.1

Place = TypeVar("Place", Region, Detection)


def evaluate_regions(videos: Sequence[VideoRegions]) -> dict[str, Any]:
    """Region- and track-based detection criterion of all test videos, ready for JSON.

    Gives rbdc, tbdc (areas under the detection rate up to one false positive a frame), iou and track_share (what counts
    as found), frames, regions, tracks and detections. Raises DataError `no_ground_truth`, `duplicate_video`,
    `empty_box`, `nan_score`, `inf_score`, `frame_outside_video` or `duplicate_region`.
    """
    _refuse_malformed(videos)
    of_tracks: list[list[float]] = []
    alarms: list[float] = []
    for video in videos:
        found, missing = _thresholds(video)
        of_tracks += found
        alarms += missing
    regions = [threshold for thresholds in of_tracks for threshold in thresholds]
    tracks = [_found_at(thresholds) for thresholds in of_tracks]
    frames = sum(video.frames for video in videos)
    scores = np.array([detection.score for video in videos for detection in video.detected], dtype=np.float64)
    thresholds = np.unique(scores)[::-1]
    false_positive_rate = _at_or_above(alarms, thresholds) / frames
    return {
        "rbdc": _area_up_to_one(false_positive_rate, _at_or_above(regions, thresholds) / len(regions)),
        "tbdc": _area_up_to_one(false_positive_rate, _at_or_above(tracks, thresholds) / len(tracks)),
        "iou": IOU_OF_A_HIT,
        "track_share": SHARE_OF_A_TRACK,
        "frames": frames,
        "regions": len(regions),
        "tracks": len(tracks),
        "detections": len(scores),
    }


def intersection_over_union(
    first: Float64[np.ndarray, "first 4"], second: Float64[np.ndarray, "second 4"]
) -> Float64[np.ndarray, "first second"]:
    """Shared area of each pair of boxes over their joint area; the quotient is correctly rounded."""
    corners = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    shared = corners.clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return np.asarray(shared / (areas[0][:, None] + areas[1][None, :] - shared))


def _thresholds(video: VideoRegions) -> tuple[list[list[float]], list[float]]:
    """The highest threshold at which each region of each track is found (-inf: at none), and the scores of the
    detections that hit no region.
    """
    annotated, detected = _by_frame(video.annotated), _by_frame(video.detected)
    of_track: dict[int, list[float]] = defaultdict(list)
    alarms: list[float] = []
    for frame in annotated.keys() | detected.keys():
        regions, detections = annotated.get(frame, []), detected.get(frame, [])
        hits = intersection_over_union(_boxes(regions), _boxes(detections)) >= IOU_OF_A_HIT
        scores = np.array([detection.score for detection in detections], dtype=np.float64)
        alarms.extend(scores[~hits.any(axis=0)])
        for region, hit in zip(regions, hits, strict=True):
            of_track[region.track].append(float(scores[hit].max(initial=-np.inf)))
    return list(of_track.values()), alarms


def _found_at(thresholds: list[float]) -> float:
    """Highest threshold at which a large enough share of a track's regions is found."""
    shares = np.arange(1, len(thresholds) + 1) / len(thresholds)
    needed = int(np.argmax(shares >= SHARE_OF_A_TRACK))
    return sorted(thresholds, reverse=True)[needed]


def _at_or_above(scores: Sequence[float], thresholds: np.ndarray) -> np.ndarray:
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _area_up_to_one(false_positive_rate: np.ndarray, detection_rate: np.ndarray) -> float:
    """Area by the trapezoid rule from (0, 0) to rate 1: carried on level to 1, or cut at 1 within a step."""
    across, up = np.append(0.0, false_positive_rate), np.append(0.0, detection_rate)
    inside = int(np.searchsorted(across, 1.0, side="right"))
    end = up[inside - 1]
    if inside < len(across):
        end += (up[inside] - end) * (1 - across[inside - 1]) / (across[inside] - across[inside - 1])
    return float(np.trapezoid(np.append(up[:inside], end), np.append(across[:inside], 1.0)))


def _by_frame(places: Iterable[Place]) -> dict[int, list[Place]]:
    frames: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        frames[place.frame].append(place)
    return frames


def _boxes(places: Sequence[Region] | Sequence[Detection]) -> np.ndarray:
    return np.array([place.box for place in places], dtype=np.float64).reshape(-1, 4)


def _refuse_malformed(videos: Sequence[VideoRegions]) -> None:
    name, copies = Counter(video.video for video in videos).most_common(1)[0] if videos else ("", 0)
    if copies > 1:
        raise DataError(f"video {name!r} is given {copies} times; give each video once", name="duplicate_video")
    if not any(video.annotated for video in videos):
        raise DataError(
            f"none of {len(videos)} videos has an annotated region; give the tracks of the anomalies",
            name="no_ground_truth",
        )
    for video in videos:
        for region in video.annotated:
            _refuse_place(video, region)
        for detection in video.detected:
            _refuse_place(video, detection)
        places = Counter((region.track, region.frame) for region in video.annotated)
        for (track, frame), copies in places.items():
            if copies > 1:
                raise DataError(
                    f"video {video.video!r}: track {track} is in frame {frame} {copies} times; make it several tracks",
                    name="duplicate_region",
                )


def _refuse_place(video: VideoRegions, place: Region | Detection) -> None:
    where = f"video {video.video!r}, frame {place.frame}"
    if not 0 <= place.frame < video.frames:
        raise DataError(
            f"{where}: the video has {video.frames} frames; count frames from 0", name="frame_outside_video"
        )
    x0, y0, x1, y1 = place.box
    if not (np.isfinite(place.box).all() and x1 > x0 and y1 > y0):
        raise DataError(
            f"{where}: the box {x0:g},{y0:g},{x1:g},{y1:g} is empty; x1 and y1 lie just outside it", name="empty_box"
        )
    if isinstance(place, Detection) and not np.isfinite(place.score):
        raise DataError(
            f"{where}: the score of a detection is {place.score}; mend what computes it",
            name="nan_score" if np.isnan(place.score) else "inf_score",
        )
