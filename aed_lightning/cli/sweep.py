"""`sweep`: the runs of a sweep file, on this machine and without a server."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .help_text import wants_help
from .parser import Parser
from .signals import ended_by_signals

if TYPE_CHECKING:
    from ..sweeps import Point, Sweep

DEFAULT_SCRIPT = Path("experiments/cluster/sweep_array.sh")
HELP = """\
usage: python -m aed_lightning sweep FILE [options]

Train once for each combination of values in FILE (experiments/sweeps/*.yaml), a sweep of Weights & Biases, without its
server. What is done is not done again: the same command goes on after an interruption, and several of them share the
work. `wandb sweep FILE` and `wandb agent` run the same file with the server.

options:
  --out DIR           where the runs and the table go (runs/sweeps/NAME)
  --jobs N            runs at once (1; with --slurm as many as the cluster allows)
  --runs N            how many of a random sweep (its run_cap)
  --slurm [SCRIPT]    submit the runs as an array of SLURM, each by SCRIPT (experiments/cluster/sweep_array.sh), and
                      end; the table is written after each run (docs/cluster.md)
  --table             write the table of the runs that are done, run nothing
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
    from ..core import UsageError
    from ..sweeps import points_of, read_sweep, write_table

    for name in ("jobs", "runs"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise UsageError(f"--{name} {getattr(options, name)}: give 1 or more")
    sweep = read_sweep(options.file).adding(options.set)
    points = points_of(sweep, options.runs)
    folder = options.out or Path("runs/sweeps") / sweep.name
    if options.table:
        if not folder.is_dir():
            raise UsageError(f"--table: nothing was run in {folder}; give the --out of the runs")
        print(", ".join(map(str, write_table(sweep, points, folder))))
        return 0
    _refuse_what_fit_refuses(sweep, points, folder, here=options.slurm is None and not options.dry_run)
    if options.slurm is not None:
        return _submit(options, sweep, points, folder)
    if options.dry_run:
        for point in points:
            print(shlex.join(point.command(sweep, folder)))
        return 0
    return _run_here(arguments, options, sweep, points, folder)


def _run_here(
    arguments: Sequence[str], options: argparse.Namespace, sweep: "Sweep", points: "list[Point]", folder: Path
) -> int:
    from ..core import DataError
    from ..sweeps import finished, run_points, write_table

    sweep.claim(folder)

    def say(message: str) -> None:
        print(message, flush=True)

    with ended_by_signals(f"runs that began have checkpoints, those that are done stay done: {_again(arguments)}"):
        try:
            outcome = run_points(sweep, points, folder, jobs=options.jobs or 1, say=say)
        finally:
            files = write_table(sweep, points, folder)
    print((folder / "results.md").read_text(encoding="utf-8"))
    print(", ".join(map(str, files)))
    if elsewhere := [point.name for point in points if point.name in outcome.elsewhere and not finished(folder, point)]:
        print(
            f"{len(elsewhere)} of {len(points)} runs are in hand elsewhere: {', '.join(elsewhere)};"
            f" when they have ended, {_again(arguments)}"
        )
    if outcome.failed:
        raise DataError(
            f"{len(outcome.failed)} of {len(points)} runs failed: {', '.join(outcome.failed)}; mend what {folder}/.logs"
            " says and give the same command again"
        )
    return 0


def _submit(options: argparse.Namespace, sweep: "Sweep", points: "list[Point]", folder: Path) -> int:
    """Hand the runs that are not done to SLURM; returns the exit code."""
    from ..sweeps import refuse_without_slurm, submission, submit, write_table

    runs = [] if options.runs is None else ["--runs", str(options.runs)]
    settings = ["--set", *options.set] if options.set else []
    table = [
        sys.executable, "-m", "aed_lightning", "sweep", str(options.file), "--out", str(folder), *runs, *settings,
        "--table",
    ]  # fmt: skip
    command = submission(points, folder, options.slurm, options.jobs, table)
    if options.dry_run:
        for point in points:
            print(shlex.join(point.command(sweep, folder)))
        print(shlex.join(command))
        return 0
    refuse_without_slurm(options.slurm)
    sweep.claim(folder)
    if not command:
        print(f"all {len(points)} runs are done: {', '.join(map(str, write_table(sweep, points, folder)))}")
        return 0
    job = submit(sweep, points, folder, command)
    print(f"job {job} of SLURM; after each run the table is {folder / 'results.md'}; logs: {folder}/.logs/slurm-*.txt")
    return 0


def _again(arguments: Sequence[str]) -> str:
    return f"go on with python -m aed_lightning sweep {shlex.join(arguments)}"


def _refuse_what_fit_refuses(sweep: "Sweep", points: "Sequence[Point]", folder: Path, here: bool) -> None:
    """Raise UsageError before anything starts, where `fit` would refuse a run, or two would be the same.

    here: on this machine's devices.
    """
    from ..core import DataError, UsageError
    from ..sweeps import finished
    from .fit import parse
    from .start import start_of_teacher

    seen: dict[str, str] = {}
    for point in points:
        if finished(folder, point):
            continue
        command = point.command(sweep, folder)
        words = command[command.index("fit") + 1 :]
        try:
            training = parse(words)
            if here:
                _ = training.processes  # what it needs must be here
            if not training.paths.last_checkpoint("teacher").is_file():
                start_of_teacher(training, begins=True)
        except SystemExit as refused:  # jsonargparse has said why
            raise UsageError(f"run {point.name} is refused by fit, as said above") from refused
        except (UsageError, DataError) as error:
            raise UsageError(f"run {point.name} is refused by fit: {error}") from error
        if not training.config.evaluate:
            raise UsageError("a sweep compares figures: take `--evaluate false` out of the command")
        settings = {**training.resolved_configuration(), "run_dir": None, "stages": training.config.stages}
        other = seen.setdefault(json.dumps(settings, sort_keys=True), point.name)
        if other != point.name:
            raise UsageError(
                f"runs {other} and {point.name} would be the same training: something after ${{args}} in the command, "
                "or of --set, overrules what differs; leave it out, or put it before ${args}"
            )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m aed_lightning sweep", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--slurm", type=Path, nargs="?", const=DEFAULT_SCRIPT, metavar="SCRIPT")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    return parser.parse_args(arguments)
