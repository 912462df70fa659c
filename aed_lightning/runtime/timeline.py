"""One picture of a whole recording: score, threshold and events over time."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..core import atomic_path
from .results import Incident

MOST_POINTS = 4000


def write_timeline(folder: Path, incidents: Sequence[Incident], title: str) -> Path:
    """`timeline.png` from the `scores.csv` of a folder."""
    with (folder / "scores.csv").open(encoding="ascii", newline="") as file:
        rows = [(float(row["time"]), float(row["raw"]), float(row["smoothed"]), float(row["threshold"]))
                for row in csv.DictReader(file)]  # fmt: skip
    seconds, raw, smoothed, threshold = np.array(rows).reshape(-1, 4).T
    figure = Figure(figsize=(12, 3), layout="constrained")
    axes = figure.add_subplot()
    for incident in incidents:
        axes.axvspan(incident.start_time, incident.end_time, color="tab:red", alpha=0.2, linewidth=0)
    # A long recording has more frames than the picture has columns: of each column the highest score is what counts.
    every = max(1, -(-len(seconds) // MOST_POINTS))
    starts = np.arange(0, len(seconds), every)
    for values, color, width, label in ((raw, "0.75", 0.6, "raw"), (smoothed, "tab:blue", 1.4, "smoothed")):
        highest = np.maximum.reduceat(values, starts) if len(starts) else values
        axes.plot(seconds[starts], highest, color=color, linewidth=width, label=label)
    axes.plot(seconds[starts], threshold[starts], color="tab:red", linewidth=0.8, linestyle="--", label="threshold")
    axes.set(xlabel="seconds", ylabel="score", title=title)
    axes.margins(x=0)
    axes.legend(loc="upper right", ncols=3, fontsize="small")
    with atomic_path(folder / "timeline.png") as partial:
        figure.savefig(partial, format="png", dpi=110)
    return folder / "timeline.png"
