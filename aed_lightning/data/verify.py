"""Compare a store with its data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import DataError
from .layouts import Layout, Split, VideoSource
from .prepare import file_problems
from .sources import path_below, sha256_of
from .store import Store, VideoRow


@dataclass(frozen=True)
class CheckedVideo:
    """One video of the data or of the store. row: what the store says of it, or none. problems: a sentence each."""

    split: Split
    name: str
    row: VideoRow | None
    problems: list[str]


def check(layout: Layout, root: Path, store: Store) -> list[str]:
    """What is wrong with `store`, one sentence each; an empty list is good."""
    return [problem for video in check_videos(layout, root, store) for problem in video.problems]


def check_videos(layout: Layout, root: Path, store: Store) -> list[CheckedVideo]:
    """Every video of the data in its order, then those that only the store has.

    Compares the videos, the bytes of each source, the sizes of the store's files, and labels and kinds, read anew.
    """
    rows = {(row.split, row.name): row for row in store.videos("train") + store.videos("test")}
    checked = []
    for video in layout.videos():
        row = rows.pop((video.split, video.name), None)
        if row is None:
            problems = [f"{video.split}/{video.name} is in the data and not in the store: prepare again"]
        else:
            problems = _video_problems(layout, root, store, video, row)
        checked.append(CheckedVideo(video.split, video.name, row, problems))
    for (split, name), row in rows.items():
        problems = [f"{split}/{name} is in the store and not in the data: prepare again"]
        checked.append(CheckedVideo(split, name, row, problems))
    return checked


def _video_problems(layout: Layout, root: Path, store: Store, video: VideoSource, row: VideoRow) -> list[str]:
    problems = file_problems(store.paths, store.settings, row)
    if row.source != path_below(video.path, root):
        problems.append(f"{row.split}/{row.name} was prepared from {row.source}, the data now has {video.path}")
    elif sha256_of(video.path) != row.sha256:
        problems.append(f"{video.path} has other bytes than when it was prepared: prepare again")
    try:
        stored, kinds = store.labels(row), store.kinds(row)
        labels = layout.labels(video, row.frames)
        if (labels is None) != (stored is None) or not np.array_equal(_or_empty(labels), _or_empty(stored)):
            problems.append(f"{row.split}/{row.name}: the labels are not those of the data: prepare again")
        elif int(_or_empty(stored).sum()) != (row.anomalous_frames or 0):
            problems.append(f"{row.split}/{row.name}: anomalous frames and labels of the store differ: prepare again")
        for file, source in ((row.masks, video.mask_source), (row.tracks, video.track_source)):
            if (file and file.sha256) != (source and sha256_of(source)):
                name = source or f"what was {file.path if file else ''}"
                problems.append(f"{name}: masks or tracks are not those of the store: prepare again")
        if kinds != layout.kinds(video, row.frames):
            problems.append(f"{row.split}/{row.name}: the kinds are not those of the data: prepare again")
    except (DataError, OSError) as error:
        problems.append(str(error))
    return problems


def _or_empty(labels: np.ndarray | None) -> np.ndarray:
    return np.empty(0, dtype=np.uint8) if labels is None else labels
