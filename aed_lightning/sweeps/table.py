"""What the runs of a sweep came to: a table, and a picture of it."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ..core import RunPaths, atomic_path, write_text
from ..data.lock import locked
from .definition import Sweep
from .points import Point
from .runner import LOCKS, finished

SEED = "seed"
WAIT_SECONDS = 60.0
FIGURES = {
    "standard micro AUC": ("standard", "micro_auc"),
    "standard macro AUC": ("standard", "macro_auc"),
    "official micro AUC": ("official", "micro_auc"),
    "not smoothed, micro": ("raw", "micro_auc"),
}


def write_table(sweep: Sweep, points: Sequence[Point], folder: Path) -> list[Path]:
    """`results.csv` and `results.md` of the runs that are done, and `results.png`; the files."""
    # Who writes last must have looked last: runs that end at the same time on two machines write it both.
    with locked(folder / LOCKS / "table", WAIT_SECONDS, lambda _: None, being="written"):
        return _write_table(sweep, points, folder)


def _write_table(sweep: Sweep, points: Sequence[Point], folder: Path) -> list[Path]:
    done = [point for point in points if finished(folder, point)]
    keys = [parameter.key for parameter in sweep.parameters]
    rows = [
        {**{key: point.values[key] for key in keys}, **_figures(RunPaths(folder / point.name).metrics)}
        for point in done
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*keys, *FIGURES, "seconds"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / "results.csv", text.getvalue())
    write_text(folder / "results.md", _markdown(sweep, keys, rows, len(points)))
    files = [folder / "results.csv", folder / "results.md"]
    if rows:
        with atomic_path(folder / "results.png") as partial:
            _picture(keys, rows).savefig(partial, format="png", dpi=150)
        files.append(folder / "results.png")
    return files


def _figures(metrics: Path) -> dict[str, float | None]:
    """A macro AUC is none where no video has both classes."""
    found = json.loads(metrics.read_text(encoding="utf-8"))
    return {name: found[part][key] for name, (part, key) in FIGURES.items()} | {"seconds": found["seconds"]}


def _groups(keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Rows that differ in their seed only."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(str(row[key]) for key in keys if key != SEED)].append(row)
    return groups


def _markdown(sweep: Sweep, keys: Sequence[str], rows: Sequence[dict[str, Any]], runs: int) -> str:
    shown = [key for key in keys if key != SEED]
    lines = [
        f"{sweep.name}: {len(rows)} of {runs} runs; mean ± standard deviation over seeds where there are several.",
        "",
        f"| {' | '.join([*shown, 'runs', *FIGURES])} |",
        f"|{'---|' * (len(shown) + 1 + len(FIGURES))}",
    ]
    for values, group in _groups(keys, rows).items():
        figures = []
        for name in FIGURES:
            found = [row[name] for row in group if row[name] is not None]
            spread = f" ± {np.std(found, ddof=1):.3f}" if len(found) > 1 else ""
            figures.append(f"{np.mean(found):.3f}{spread}" if found else "")
        told = [value.replace("|", "\\|") for value in values]
        lines.append(f"| {' | '.join([*told, str(len(group)), *figures])} |")
    return "\n".join(lines) + "\n"


def _picture(keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> Figure:
    """Every run a point, the mean of its group a bar, by what was varied."""
    groups = _groups(keys, rows)
    with matplotlib.rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure(figsize=(min(max(4.0, 0.9 * len(groups) + 2), 60.0), 3.5), layout="constrained")
        axes = figure.add_subplot()
        name = next(iter(FIGURES))
        for place, group in enumerate(groups.values()):
            found = [row[name] for row in group]
            axes.plot([place] * len(found), found, "o", color="tab:blue", alpha=0.6)
            axes.hlines(float(np.mean(found)), place - 0.25, place + 0.25, color="tab:blue", linewidth=2)
        axes.set_xticks(range(len(groups)), ["\n".join(values) for values in groups])
        axes.set_xlabel(", ".join(key for key in keys if key != SEED))
        axes.set_ylabel(name)
        axes.grid(axis="y", alpha=0.3)
    return figure
