"""Masks and tracks of a video: looked at once, when the store is prepared, and named in its manifest.

Their pixels stay where they are: the store keeps what training maps, and masks are read when results are measured.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ..core import Region, VideoAnnotations
from .layouts import Layout, Masks, VideoSource
from .sources import path_below, sha256_of, stamp_of
from .store import FileRow, VideoRow


def with_annotations(
    layout: Layout,
    root: Path,
    video: VideoSource,
    row: VideoRow,
    labels: UInt8[np.ndarray, " frames"] | None,
    was: VideoRow,
) -> VideoRow:
    """`row` with its masks and tracks, every mask compared with frame size and label.

    was: the row as the store has it; what has not changed since is not read again. Raises DataError for a mask or a
    track that does not fit the video.
    """
    masks, tracks = _file(video.mask_source, root, was.masks), _file(video.track_source, root, was.tracks)
    if tracks is not None and tracks != was.tracks:
        layout.regions(video, row.frames, row.source_size)
    disagreements = was.mask_disagreements
    if masks is None or masks != was.masks or row.label_sha256 != was.label_sha256:
        disagreements = _disagreements(layout, video, row, labels)
    return replace(row, masks=masks, tracks=tracks, mask_disagreements=disagreements)


def annotated_videos(layout: Layout, rows: Sequence[VideoRow]) -> list[VideoAnnotations]:
    """The tracks and masks of the test videos `rows`. A video without anomalous frames needs none to be known whole."""
    sources = {video.name: video for video in layout.videos() if video.split == "test"}
    any_masks = any(row.masks is not None for row in rows)
    return [
        VideoAnnotations(
            video=row.name,
            frames=row.frames,
            size=row.source_size,
            fps=row.fps,
            regions=partial(_regions, layout, sources[row.name], row),
            masks=partial(_masks, layout, sources[row.name], row)
            if any_masks and (row.masks is not None or row.anomalous_frames == 0)
            else None,
        )
        for row in rows
    ]


def _regions(layout: Layout, video: VideoSource, row: VideoRow) -> list[Region] | None:
    found = layout.regions(video, row.frames, row.source_size)
    return [] if found is None and row.anomalous_frames == 0 else found


def _masks(layout: Layout, video: VideoSource, row: VideoRow) -> Masks:
    found = layout.masks(video, row.frames, row.source_size) if row.masks is not None else None
    return found or (lambda frame: np.zeros(row.source_size, dtype=bool))


def _disagreements(
    layout: Layout, video: VideoSource, row: VideoRow, labels: UInt8[np.ndarray, " frames"] | None
) -> int | None:
    """Frames in which one of mask and label is anomalous and the other is not; none without the one or the other."""
    masks = layout.masks(video, row.frames, row.source_size) if video.mask_source is not None else None
    if masks is None:
        return None
    masked = np.array([masks(frame).any() for frame in range(row.frames)])
    return None if labels is None else int((masked != labels.astype(bool)).sum())


def _file(source: Path | None, root: Path, was: FileRow | None) -> FileRow | None:
    if source is None:
        return None
    stamp, path = stamp_of(source), path_below(source, root)
    if was is not None and (was.path, was.bytes, was.mtime_ns) == (path, stamp.bytes, stamp.mtime_ns):
        return was
    return FileRow(path, stamp.bytes, stamp.mtime_ns, sha256_of(source))
