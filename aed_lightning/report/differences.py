"""How far runs are from the first of them, over the same videos."""

from collections.abc import Sequence

from ..core import DataError
from ..metrics import paired_differences
from .run_files import Run

AUCS = ("micro_auc", "macro_auc")
DIFFERENCES = tuple(f"{auc}_difference{end}" for auc in AUCS for end in ("", "_low", "_high"))
"""Of the smoothed scores, and the bounds of the 95 % interval of a bootstrap over videos, the same draws for both."""

Differences = list[float | None]


def differences_to_first(runs: Sequence[Run], names: Sequence[str]) -> tuple[list[Differences], list[str]]:
    """`DIFFERENCES` of each run, all none for the first, and what a reader must know of them, a sentence each."""
    rows: list[Differences] = [[None] * len(DIFFERENCES)]
    notes: dict[str, None] = {}
    for name, run in zip(names[1:], runs[1:], strict=True):
        row, note = _difference(runs[0], run)
        rows.append(row)
        if note:
            notes[note if any(row) else f"No difference of {name} to {names[0]}: {note}."] = None
    return rows, list(notes)


def _difference(first: Run, run: Run) -> tuple[Differences, str | None]:
    if not first.videos or not run.videos:
        return [None] * len(DIFFERENCES), "one of them has no files of scores"
    try:
        found = paired_differences(first.videos, run.videos)
    except DataError as error:
        return [None] * len(DIFFERENCES), str(error)
    row: Differences = []
    for auc in AUCS:
        row += [found[auc]["difference"], *(found[auc]["interval"] or (None, None))]
    return row, f"Differences: {found['note']}." if found["note"] else None
