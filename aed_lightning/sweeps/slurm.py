"""A sweep as an array of SLURM: an element a run, and after each the table of those that are done."""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..core import RunPaths, UsageError, write_text
from .definition import Sweep
from .points import Point
from .runner import LOGS, finished, names_in_wandb

COMMANDS = ".commands"


def refuse_without_slurm(script: Path) -> None:
    """Raise UsageError where nothing can be submitted from here."""
    if shutil.which("sbatch") is None:
        raise UsageError(
            "--slurm: there is no sbatch on this machine; give the command where the cluster's jobs are submitted, "
            "or leave --slurm out to run the sweep here"
        )
    if not script.is_file():
        raise UsageError(
            f"--slurm {script}: there is no such script; start in a checkout of the project, or give your own, "
            "as experiments/cluster/sweep_array.sh"
        )


def submission(
    points: Sequence[Point], folder: Path, script: Path, at_once: int | None, table: Sequence[str]
) -> list[str]:
    """The sbatch command for the runs that are not done; none where all are.

    An element's number is the place of its run in `points`. at_once: how many elements run at the same time, or none
    for as many as the cluster allows. table: the command that writes the table.
    """
    places = [str(place) for place, point in enumerate(points) if not finished(folder, point)]
    if not places:
        return []
    limit = "" if at_once is None else f"%{at_once}"
    return [
        "sbatch", "--parsable", f"--array={','.join(places)}{limit}", f"--output={folder / LOGS}/slurm-%a.txt",
        str(script), str(folder / COMMANDS), *table,
    ]  # fmt: skip


def submit(sweep: Sweep, points: Sequence[Point], folder: Path, command: Sequence[str]) -> str:
    """Write what the elements run, a line a run, and submit `command`; the number of the job.

    Raises UsageError where sbatch refuses it.
    """
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    write_text(folder / COMMANDS, "".join(f"{_line(sweep, point, folder)}\n" for point in points))
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise UsageError(
            f"sbatch refused it: {done.stderr.strip() or done.stdout.strip()}; what an element asks for stands in "
            "the #SBATCH lines of the script and in SBATCH_… of the environment"
        )
    return done.stdout.strip().partition(";")[0]


def _line(sweep: Sweep, point: Point, folder: Path) -> str:
    """For a shell. An element that is started again when its run is done has nothing to do."""
    names = [f"{name}={value}" for name, value in names_in_wandb(sweep, point, folder).items()]
    metrics = RunPaths(folder / point.name).metrics
    return f"test -e {shlex.quote(str(metrics))} || exec {shlex.join(['env', *names, *point.command(sweep, folder)])}"
