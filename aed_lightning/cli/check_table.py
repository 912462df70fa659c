"""The table that `prepare --check` prints."""

from collections.abc import Iterable

from rich.table import Table

from ..data.store import VideoRow
from ..data.verify import CheckedVideo

NUMBERS = ("frames", "anomalous", "size", "fps", "problems")


def check_table(videos: Iterable[CheckedVideo]) -> Table:
    """A row a video: what the store says of it, and how many problems it has."""
    table = Table("video", "split")
    for column in ("frames", "labels", "anomalous", "size", "fps", "problems"):
        # Only the name of the label file may be folded: numbers that run over two lines cannot be read.
        right = column in NUMBERS
        table.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for video in videos:
        facts = _facts(video.row) if video.row else ("", "", "", "", "")
        table.add_row(video.name, video.split, *facts, str(len(video.problems) or "none"))
    return table


def _facts(row: VideoRow) -> tuple[str, str, str, str, str]:
    """Frames, labels, anomalous frames, size and frame rate."""
    labels = row.label_source or ("normal by its name" if row.labeled else "none")
    height, width = row.source_size
    return (
        str(row.frames),
        labels,
        "" if row.anomalous_frames is None else str(row.anomalous_frames),
        f"{width}x{height}",
        "" if row.fps is None else f"{row.fps:.4g}",
    )
