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
        try:
            row, note = _difference(runs[0], run)
        except DataError as error:
            row, note = [None] * len(DIFFERENCES), f"No difference of {name} to {names[0]}: {error}."
        rows.append(row)
        if note:
            notes[note] = None
    return rows, list(notes)


def _difference(first: Run, run: Run) -> tuple[Differences, str | None]:
    if not first.videos or not run.videos:
        raise DataError("one of them has no files of scores")
    found = paired_differences(first.videos, run.videos)
    row: Differences = []
    for auc in AUCS:
        row += [found[auc]["difference"], *(found[auc]["interval"] or (None, None))]
    return row, f"Differences: {found['note']}." if found["note"] else None
