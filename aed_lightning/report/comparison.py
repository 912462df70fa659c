"""Runs side by side: a table as HTML, Markdown and CSV, and plots."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..core import DataError, UsageError, write_text
from ..metrics import paired_differences
from .figures import COLORS, figures_of_runs, roc_figure, validation_of_runs
from .notes import pooled
from .page import figure, render
from .run_files import Run, read_run

FIGURES: dict[str, tuple[str, ...]] = {
    "micro_auc": ("standard", "micro_auc"),
    "macro_auc": ("standard", "macro_auc"),
    "official_micro_auc": ("official", "micro_auc"),
    "official_macro_auc_padded": ("official", "macro_auc_padded"),
    "raw_micro_auc": ("raw", "micro_auc"),
    "average_precision": ("standard", "average_precision"),
    "eer": ("standard", "eer"),
}
DIFFERENCES = {
    f"{auc}_difference{end}": (auc, end) for auc in ("micro_auc", "macro_auc") for end in ("", "_low", "_high")
}
"""To the first run, and the bounds of the 95 % interval of a bootstrap over videos, the same draws for both runs."""
OF_KIND = "auc of "
FACTS = ("dataset", "stage", "epoch", "rule", "seed", "seconds", "commit")
PLOTTED = ("micro_auc", "macro_auc", "official_micro_auc", "raw_micro_auc")
OF_EVERY_RUN = ("run_dir", "seed")
"""Keys of the configuration that no two runs share, or that have a column of their own."""


def write_comparison(roots: Sequence[Path], folder: Path) -> list[Path]:
    """Write comparison.html, comparison.md and comparison.csv; returns the files.

    Raises UsageError for fewer than two runs or one given twice, DataError for a run without metrics.json.
    """
    if len(roots) < 2:
        raise UsageError(f"--compare {' '.join(map(str, roots))}: give two runs or more")
    twice = [str(root) for root, count in Counter(root.resolve() for root in roots).items() if count > 1]
    if twice:
        raise UsageError(f"--compare: {', '.join(twice)} is given twice; give each run once")
    runs = [read_run(root) for root in roots]
    unfinished = [str(run.root) for run in runs if run.metrics is None]
    if unfinished:
        raise DataError(f"no metrics.json in {', '.join(unfinished)}: finish or evaluate these runs, or leave them out")
    names = run_names(roots)
    columns = comparison_table(runs, names)
    pages = {
        "comparison.html": render("comparison.html", _content(runs, names, columns)),
        "comparison.md": _markdown(columns),
        "comparison.csv": _csv(columns),
    }
    for name, text in pages.items():
        write_text(folder / name, text)
    return [folder / name for name in pages]


def run_names(roots: Sequence[Path]) -> list[str]:
    """The names of the folders, or the whole paths where two folders share a name."""
    names = [root.resolve().name for root in roots]
    return names if len(set(names)) == len(names) else [str(root) for root in roots]


def comparison_table(runs: Sequence[Run], names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns by name, a value a run: figures, differences to the first run, facts, AUCs by kind of anomaly, and the
    keys in which the configurations differ.
    """
    columns: dict[str, list[Any]] = {"run": list(names)}
    every = [run.metrics or {} for run in runs]
    for name, (block, key) in FIGURES.items():
        columns[name] = [metrics[block].get(key) for metrics in every]
    differences = [None, *(_difference(runs[0], run) for run in runs[1:])]
    for name, (auc, end) in DIFFERENCES.items():
        columns[name] = [None if found is None else found[auc + end] for found in differences]
    for name in FACTS:
        columns[name] = [metrics.get(name) for metrics in every]
    kinds = sorted({kind for metrics in every for kind in metrics.get("per_kind", {})})
    columns |= {OF_KIND + kind: [metrics["per_kind"].get(kind, {}).get("auc") for metrics in every] for kind in kinds}
    return columns | differing_keys([run.config for run in runs])


def _difference(first: Run, run: Run) -> dict[str, float | None] | None:
    """None where the two did not score the same frames, or have no ROC."""
    if not first.videos or not run.videos or any(video.label is None for video in (*first.videos, *run.videos)):
        return None
    try:
        found = paired_differences(first.videos, run.videos)
    except DataError:
        return None
    bounds = {auc: found[auc]["interval"] or (None, None) for auc in ("micro_auc", "macro_auc")}
    return {
        key: value
        for auc, (low, high) in bounds.items()
        for key, value in ((auc, found[auc]["difference"]), (f"{auc}_low", low), (f"{auc}_high", high))
    }


def differing_keys(configurations: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted keys that do not have the same value everywhere, in order; none where a configuration lacks the key,
    "null" where it says so.

    Runs without a configuration say nothing on what differs.
    """
    flat = [dict(_flattened(configuration)) for configuration in configurations]
    keys = dict.fromkeys(key for values in flat for key in values if key not in OF_EVERY_RUN)
    known = [values for values in flat if values]
    return {
        key: [values.get(key) for values in flat]
        for key in keys
        if len({repr(values.get(key, "missing key")) for values in known}) > 1
    }


def _flattened(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flattened(inner, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, "null" if value is None else value


def _content(runs: Sequence[Run], names: Sequence[str], columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    kinds = [name for name in columns if name.startswith(OF_KIND)]
    fixed = {"run", *FIGURES, *DIFFERENCES, *FACTS, *kinds}
    return {
        "runs": list(zip(names, *(columns[name] for name in FIGURES), strict=True)),
        "figures": list(FIGURES),
        "differences": list(zip(names, *(columns[name] for name in DIFFERENCES), strict=True))[1:],
        "kinds": {name.removeprefix(OF_KIND): columns[name] for name in kinds},
        "facts": list(FACTS),
        "facts_of_runs": list(zip(names, *(columns[name] for name in FACTS), strict=True)),
        "differing": {name: values for name, values in columns.items() if name not in fixed},
        "names": names,
        "notes": _notes(runs, names),
        "marks": figures_of_runs(names, [(name, columns[name]) for name in PLOTTED]),
        "roc": _roc(runs, names),
        "validation": _validation(runs, names),
    }


def _notes(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    notes = []
    sets = {str((run.metrics or {}).get("dataset")) for run in runs}
    if len(sets) > 1:
        notes.append(
            f"The runs are of different data sets ({', '.join(sorted(sets))}): their figures cannot be compared."
        )
    elif len({(run.metrics or {}).get("frames") for run in runs}) > 1:
        notes.append("The runs scored different numbers of frames: their figures cannot be compared.")
    bare = [name for name, run in zip(names, runs, strict=True) if not run.config]
    if bare:
        notes.append(f"No config.yaml in {', '.join(bare)}: what differs is told of the other runs only.")
    return notes


def _roc(runs: Sequence[Run], names: Sequence[str]) -> Markup | None:
    curves = []
    for name, run in zip(names, runs, strict=True):
        found = pooled(run.videos)
        if found is not None:
            curves.append((name, found[1], found[2]))
    return roc_figure(curves) if curves and len(curves) <= len(COLORS) else None


def _validation(runs: Sequence[Run], names: Sequence[str]) -> Markup | None:
    curves = [
        (name, curve)
        for name, run in zip(names, runs, strict=True)
        for curve in run.curves
        if (curve.stage, curve.name) == ("teacher", "val/micro_auc")
    ]
    return validation_of_runs(curves) if curves and len(curves) <= len(COLORS) else None


def _markdown(columns: Mapping[str, list[Any]]) -> str:
    """A row a run; below, a row a kind of anomaly, and a row a key in which the configurations differ."""
    fixed = ["run", *FIGURES, *DIFFERENCES, *FACTS]
    of_runs = [fixed, *([columns[name][number] for name in fixed] for number in range(len(columns["run"])))]
    tables = [_markdown_table(of_runs, dict.fromkeys([*FIGURES, *DIFFERENCES], "---:"))]
    kinds = [[name, *values] for name, values in columns.items() if name.startswith(OF_KIND)]
    differing = [[key, *values] for key, values in columns.items() if key not in fixed and not key.startswith(OF_KIND)]
    names = columns["run"]
    if kinds:
        tables.append(_markdown_table([["kind", *names], *kinds], dict.fromkeys(names, "---:")))
    if differing:
        tables.append(_markdown_table([["key", *names], *differing], {}))
    return "\n".join(tables)


def _markdown_table(rows: Sequence[Sequence[Any]], alignment: Mapping[str, str]) -> str:
    lines = [
        " | ".join(_markdown_cell(cell, name in alignment) for name, cell in zip(rows[0], row, strict=True))
        for row in rows
    ]
    lines.insert(1, " | ".join(alignment.get(name, "---") for name in rows[0]))
    return "".join(f"| {line} |\n" for line in lines)


def _markdown_cell(value: Any, is_figure: bool) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = "–" if value is None else figure(value) if is_figure else str(value)
    return re.sub(r"([\\`*_\[\]<>&|~])", r"\\\1", " ".join(text.split()))


def _csv(columns: Mapping[str, list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()
