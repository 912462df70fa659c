"""`sweep`: the runs of a sweep file, on this machine and without a server."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .help_text import wants_help
from .parser import Parser
from .signals import ended_by_signals

if TYPE_CHECKING:
    from ..sweeps import Point, Sweep

HELP = """\
usage: python -m aed_lightning sweep FILE [options]

Train once for each combination of values in FILE (experiments/sweeps/*.yaml), a sweep of Weights & Biases, without its
server. What is done is not done again: the same command goes on after an interruption, and several of them share the
work. `wandb sweep FILE` and `wandb agent` run the same file with the server.

options:
  --out DIR           where the runs and the table go (runs/sweeps/NAME)
  --jobs N            runs at once (1)
  --runs N            how many of a random sweep (its run_cap)
  --dry-run           print the commands, run nothing
  --set KEY=VALUE …   added to every run: --set data.root=/data/toy

in DIR: a run directory each; results.csv, results.md and results.png of those that are done; in .logs what runs print.
With configs/overrides/agent.yaml in the command each run is in W&B too, offline, grouped; `wandb sync` sends them."""


def run(arguments: Sequence[str]) -> int:
    """Run what is not done yet, write the table; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    options = _parse(arguments)
    from ..core import DataError, UsageError
    from ..sweeps import points_of, read_sweep, run_points, write_table

    for name in ("jobs", "runs"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise UsageError(f"--{name} {getattr(options, name)}: give 1 or more")
    sweep = read_sweep(options.file).adding(options.set)
    points = points_of(sweep, options.runs)
    folder = options.out or Path("runs/sweeps") / sweep.name
    _refuse_what_fit_refuses(sweep, points, folder)
    if options.dry_run:
        for point in points:
            print(shlex.join(point.command(sweep, folder)))
        return 0
    sweep.claim(folder)

    def say(message: str) -> None:
        print(message, flush=True)

    with ended_by_signals(f"runs that began have checkpoints, those that are done stay done: {_again(arguments)}"):
        try:
            outcome = run_points(sweep, points, folder, jobs=options.jobs, say=say)
        finally:
            files = write_table(sweep, points, folder)
    print((folder / "results.md").read_text(encoding="utf-8"))
    print(", ".join(map(str, files)))
    if outcome.failed:
        raise DataError(
            f"{len(outcome.failed)} of {len(points)} runs failed: {', '.join(outcome.failed)}; mend what {folder}/.logs"
            " says and give the same command again"
        )
    return 0


def _again(arguments: Sequence[str]) -> str:
    return f"go on with python -m aed_lightning sweep {shlex.join(arguments)}"


def _refuse_what_fit_refuses(sweep: "Sweep", points: "Sequence[Point]", folder: Path) -> None:
    """Raise UsageError before anything starts, where `fit` would refuse a run."""
    from ..core import UsageError
    from ..sweeps import finished
    from .fit import parse

    for point in points:
        if finished(folder, point):
            continue
        command = point.command(sweep, folder)
        words = command[command.index("fit") + 1 :]
        try:
            evaluates = parse(words).config.evaluate
        except SystemExit as refused:  # jsonargparse has said why
            raise UsageError(f"run {point.name} is refused by fit, as said above") from refused
        except UsageError as error:
            raise UsageError(f"run {point.name} is refused by fit: {error}") from error
        if not evaluates:
            raise UsageError("a sweep compares figures: take `--evaluate false` out of the command")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m aed_lightning sweep", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    return parser.parse_args(arguments)
