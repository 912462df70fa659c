"""`prepare`: decode the videos of a data set once, into arrays at model size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .help_text import COMMON_OPTIONS, wants_help

if TYPE_CHECKING:
    from lightning.pytorch.cli import LightningArgumentParser

HELP = f"""\
usage: python -m aed_lightning prepare --config FILE [--check] [options]

Decode every video once into memory-mapped frames at model size and motion maxima, with a manifest of counted
frames, sizes, hashes and labels. What is up to date is left alone; `fit`, `validate`, `test` and `predict` do the
same for what is missing.

  --check             prepare nothing, verify the store against the files: exit code 1 and a list if they differ

{COMMON_OPTIONS}"""


def run(arguments: Sequence[str]) -> int:
    """Prepare or check; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    from ..data import check
    from ..data.progress import default_progress
    from .training import AedCLI

    cli = AedCLI(arguments, "prepare", _add_options)
    data = cli.datamodule
    if cli.config.check:
        problems = check(data.open_layout(), data.root, data.store)
        for problem in problems:
            cli.console.print(problem, markup=False)
        cli.console.print(f"{data.store_path}: {f'{len(problems)} problems' if problems else 'as it should be'}")
        return 1 if problems else 0
    data.prepare_data(default_progress())
    rows = data.store.videos("train") + data.store.videos("test")
    frames = sum(row.frames for row in rows)
    anomalous = sum(row.anomalous_frames or 0 for row in rows)
    cli.console.print(f"{data.store_path}: {len(rows)} videos, {frames} frames, {anomalous} of them anomalous")
    return 0


def _add_options(parser: "LightningArgumentParser") -> None:
    parser.add_argument("--check", action="store_true", help="prepare nothing, verify the store against the files")
