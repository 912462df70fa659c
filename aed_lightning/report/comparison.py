"""Runs side by side: a table as HTML, Markdown and CSV, and plots."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..core import DataError, UsageError, write_text
from .differences import DIFFERENCES, Differences, differences_to_first
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
OF_KIND = "auc of "
FACTS = ("dataset", "stage", "epoch", "rule", "seed", "seconds", "commit")
PLOTTED = ("micro_auc", "macro_auc", "official_micro_auc", "raw_micro_auc")
OF_EVERY_RUN = ("run_dir", "seed")
"""Keys of the configuration that no two runs share, or that have a column of their own."""
LOGGER = "trainer.logger"
"""Where a run is logged changes nothing of it."""


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
    differences, notes = differences_to_first(runs, names)
    columns = comparison_table(runs, names, differences)
    pages = {
        "comparison.html": render("comparison.html", _content(runs, names, columns, _notes(runs, names) + notes)),
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


def comparison_table(
    runs: Sequence[Run], names: Sequence[str], differences: Sequence[Differences]
) -> dict[str, list[Any]]:
    """Columns by name, a value a run: figures, differences to the first run, facts, AUCs by kind of anomaly, and the
    keys in which the configurations differ.
    """
    columns: dict[str, list[Any]] = {"run": list(names)}
    every = [run.metrics or {} for run in runs]
    for name, (block, key) in FIGURES.items():
        columns[name] = [metrics[block].get(key) for metrics in every]
    columns |= {name: list(values) for name, values in zip(DIFFERENCES, zip(*differences, strict=True), strict=True)}
    for name in FACTS:
        columns[name] = [metrics.get(name) for metrics in every]
    kinds = sorted({kind for metrics in every for kind in metrics["per_kind"]})
    columns |= {OF_KIND + kind: [metrics["per_kind"].get(kind, {}).get("auc") for metrics in every] for kind in kinds}
    return columns | differing_keys([run.config for run in runs])


def differing_keys(configurations: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted keys that do not have the same value everywhere, in order; none where a configuration lacks the key,
    "null" where it says so.

    Runs without a configuration say nothing on what differs.
    """
    flat = [dict(_flattened(configuration)) for configuration in configurations]
    keys = dict.fromkeys(
        key for values in flat for key in values if key not in OF_EVERY_RUN and not key.startswith(LOGGER)
    )
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


def _content(
    runs: Sequence[Run], names: Sequence[str], columns: Mapping[str, list[Any]], notes: Sequence[str]
) -> dict[str, Any]:
    kinds = _kinds(columns)
    fixed = {"run", *FIGURES, *DIFFERENCES, *FACTS, *kinds}
    return {
        "runs": _rows(columns, ["run", *FIGURES]),
        "figures": list(FIGURES),
        "differences": _rows(columns, ["run", *DIFFERENCES])[1:],
        "kinds": {name.removeprefix(OF_KIND): values for name, values in kinds.items()},
        "facts": list(FACTS),
        "facts_of_runs": _rows(columns, ["run", *FACTS]),
        "differing": {name: values for name, values in columns.items() if name not in fixed},
        "names": names,
        "notes": notes,
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


def _kinds(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: values for name, values in columns.items() if name.startswith(OF_KIND)}


def _markdown(columns: Mapping[str, list[Any]]) -> str:
    """A row a run, and a row a run but the first; a row a kind of anomaly, and one a key that is not the same."""
    names, kinds = columns["run"], _kinds(columns)
    of_runs = ["run", *FIGURES, *FACTS]
    differing = columns.keys() - {*of_runs, *DIFFERENCES, *kinds}
    tables = [
        _markdown_table([of_runs, *_rows(columns, of_runs)], FIGURES),
        _markdown_table([[f"to {names[0]}", *DIFFERENCES], *_rows(columns, ["run", *DIFFERENCES])[1:]], DIFFERENCES),
    ]
    if kinds:
        tables.append(
            _markdown_table([["kind", *names], *([name.removeprefix(OF_KIND), *kinds[name]] for name in kinds)], names)
        )
    if differing:
        keys = [[key, *values] for key, values in columns.items() if key in differing]
        tables.append(_markdown_table([["key", *names], *keys], ()))
    return "\n".join(tables)


def _rows(columns: Mapping[str, list[Any]], names: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True))


def _markdown_table(rows: Sequence[Sequence[Any]], numbers: Collection[str]) -> str:
    """The first row are the names of the columns; those of `numbers` stand to the right."""
    lines = [
        " | ".join(_markdown_cell(cell, name in numbers) for name, cell in zip(rows[0], row, strict=True))
        for row in rows
    ]
    lines.insert(1, " | ".join("---:" if name in numbers else "---" for name in rows[0]))
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
