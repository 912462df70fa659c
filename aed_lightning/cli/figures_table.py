"""The tables that `evaluate` prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

ROWS = {
    "micro AUC": "micro_auc",
    "macro AUC": "macro_auc",
    "macro AUC, padded": "macro_auc_padded",
    "average precision": "average_precision",
    "equal error rate": "eer",
}


def print_figures(console: Console, figures: Mapping[str, Any]) -> None:
    """Print both protocols side by side, then a row a video; what a protocol does not define is left empty."""
    protocols = [name for name in ("standard", "official") if name in figures]
    table = Table(title=f"{figures['videos']} videos, {figures['frames']} frames")
    table.add_column("")
    for name in protocols:
        table.add_column(name)
    for row, key in ROWS.items():
        cells = [_figure(figures, name, key) for name in protocols]
        if any(cells):
            table.add_row(row, *cells)
    table.add_row("smoothing", *(_parameters(figures[name]) for name in protocols))
    console.print(table)
    console.print(_per_video(figures["per_video"]))
    for line in _remarks(figures):
        console.print(line, markup=False)


def _figure(figures: Mapping[str, Any], protocol: str, key: str) -> str:
    if key not in figures[protocol]:
        return ""
    interval = figures["intervals"].get(key) if protocol == "standard" else None
    return _number(figures[protocol][key]) + (f"  [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")


def _parameters(figures: Mapping[str, Any]) -> str:
    if "smoothing" in figures:
        text = f"sigma {figures['smoothing']['sigma']:g}"
    else:
        text = f"range {figures['range']}, mu {figures['mu']:g}, {figures['variant']}"
    return text + (", per-video min-max" if figures["per_video_minmax"] else "")


def _per_video(videos: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("video")
    columns = [key for key in ("frames", "anomalous", "auc", "auc_padded") if key in videos[0]]
    for key in columns:
        table.add_column(key.replace("auc", "AUC").replace("_", ", "), justify="right", no_wrap=True)
    for video in videos:
        cells = (str(video[key]) if isinstance(video[key], int) else _number(video[key]) for key in columns)
        table.add_row(Text(video["video"]), *cells)
    return table


def _remarks(figures: Mapping[str, Any]) -> list[str]:
    remarks = []
    if "standard" in figures:
        intervals = figures["intervals"]
        remarks.append(f"in brackets: 95 % intervals, {intervals['micro_draws']} draws of videos")
        if intervals["note"]:
            remarks[-1] += f"; {intervals['note']}"
        if figures["standard"]["skipped_videos"]:
            remarks.append(f"one class, so without an AUC: {', '.join(figures['standard']['skipped_videos'])}")
    if figures["frames_without_score"]:
        remarks.append(f"{figures['frames_without_score']} labeled frames have no score and were left out")
    return remarks


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
