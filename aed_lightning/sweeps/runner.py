"""Runs a sweep on this machine: some at once, each in a process of its own, none twice."""

import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ..core import DataError, RunPaths
from ..core.randomness import stable_hash
from ..data.lock import locked
from .definition import Sweep
from .points import Point

Say = Callable[[str], None]
LOGS, LOCKS = ".logs", ".locks"
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """What became of the runs, by name. elsewhere: those that another runner has in hand."""

    done: list[str]
    failed: list[str]
    elsewhere: list[str]


def finished(folder: Path, point: Point) -> bool:
    """Whether its figures are there."""
    return RunPaths(folder / point.name).metrics.is_file()


def run_points(sweep: Sweep, points: Sequence[Point], folder: Path, *, jobs: int, say: Say) -> Outcome:
    """Run those that have no figures yet, `jobs` at a time, in their order; what a run prints goes to FOLDER/.logs.

    A run that fails does not keep the others from being run. An interruption reaches the runs, which leave checkpoints,
    and goes on when they have ended; the next call goes on there.
    """
    outcome = Outcome([], [], [])
    processes: list[subprocess.Popen[bytes]] = []
    ending = threading.Event()

    def one(number: int, point: Point) -> None:
        told = f"{number + 1}/{len(points)} {point.name}"
        if ending.is_set():
            return
        try:
            with locked(folder / LOCKS / point.name, 0.0, say, being="run") as lock:
                if finished(folder, point):
                    outcome.done.append(point.name)
                    say(f"{told}: done already")
                    return
                say(f"{told}: begins")
                environment = _environment(sweep, point, folder, jobs)
                run = _start(point.command(sweep, folder), environment, _log(folder, point), lock)
                processes.append(run)
                if ending.is_set():
                    run.terminate()
                code = run.wait()
                processes.remove(run)
        except DataError as busy:
            outcome.elsewhere.append(point.name)
            say(f"{told}: {busy}")
            return
        except OSError as error:
            outcome.failed.append(point.name)
            say(f"{told}: {error}")
            return
        if code == 0 and finished(folder, point):
            outcome.done.append(point.name)
            say(f"{told}: done")
        elif not ending.is_set():
            outcome.failed.append(point.name)
            say(f"{told}: failed with exit code {code}; see {_log(folder, point)}")

    try:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                work = [pool.submit(one, *numbered) for numbered in enumerate(points)]
                while wait(work, POLL_SECONDS).not_done:
                    pass
            finally:
                ending.set()
                for process in list(processes):
                    process.terminate()
    except KeyboardInterrupt:
        for process in list(processes):  # there are some where a second interruption came
            process.kill()
        raise
    for future in work:
        future.result()
    return outcome


def _start(command: list[str], environment: dict[str, str], log: Path, lock: int) -> subprocess.Popen[bytes]:
    """A process that writes to `log`. It inherits the lock: where this one is killed, nobody begins the run anew."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        # In a session of its own: a Ctrl-C at the terminal must reach it once, from here.
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=(lock,),
        )  # fmt: skip


def _log(folder: Path, point: Point) -> Path:
    return folder / LOGS / f"{point.name}.txt"


def names_in_wandb(sweep: Sweep, point: Point, folder: Path) -> dict[str, str]:
    """W&B's names for what its agent would say, offline unless the user says otherwise."""
    number = stable_hash(f"{sweep.name} {point.name} {folder.resolve()}")
    mode = os.environ.get("WANDB_MODE", "offline")
    return {"WANDB_MODE": mode, "WANDB_RUN_ID": f"{number:016x}"[:8], "WANDB_RUN_GROUP": sweep.name}


def _environment(sweep: Sweep, point: Point, folder: Path, jobs: int) -> dict[str, str]:
    """With the run's names in W&B, and a share of the cores unless the user says otherwise."""
    cores = len(os.sched_getaffinity(0))
    threads = {"OMP_NUM_THREADS": str(max(1, cores // jobs))} if jobs > 1 else {}
    return {**threads, **os.environ, **names_in_wandb(sweep, point, folder)}
