"""Commands of this program as processes of their own, each started in a moment: a parent that has imported everything
forks itself. Tests can kill them, and learn how they ended.

    with Forker() as forker:
        process = forker.start(["fit", "--config", "a.yaml"], log)
        os.kill(process, signal.SIGKILL)
        assert forker.wait(process) == -signal.SIGKILL
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_SECONDS = 600.0
"""A command that does not end within this time of waiting is killed."""


class Forker:
    """environment: added to that of the tests."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, arguments: Sequence[object], log: Path) -> int:
        """Start a command that writes all it says to `log`; its process id."""
        return self._ask({"arguments": [str(argument) for argument in arguments], "log": str(log)})

    def wait(self, process: int) -> int:
        """The exit code of a command, or -N where the signal N has ended it; SIGKILL ends one that takes too long."""
        return self._ask({"wait": process})

    def run(self, arguments: Sequence[object], log: Path) -> int:
        return self.wait(self.start(arguments, log))

    def __enter__(self) -> "Forker":
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate()

    def _ask(self, question: Mapping[str, object]) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(question) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


def _command(arguments: Sequence[str], log: str) -> int:
    """The rest of a forked process."""
    from aed_lightning.__main__ import main

    sys.stdin.close()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    try:
        return main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 99


def _exit_code(process: int) -> int:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (found := os.waitpid(process, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            found = os.waitpid(process, 0)
            break
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(found[1])


def _serve() -> None:
    import warnings

    import aed_lightning  # first, for the torchvision guard

    # What is imported late by a training, an evaluation and a report.
    import aed_lightning.callbacks.pictures
    import aed_lightning.cli.fit
    import aed_lightning.cli.report  # noqa: F401

    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.filterwarnings("ignore")
    running: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            print(_exit_code(question["wait"]), flush=True)
            running.discard(question["wait"])
            continue
        process = os.fork()
        if process == 0:
            code = _command(question["arguments"], question["log"])
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        running.add(process)
        print(process, flush=True)
    for process in running:  # of tests that failed before they waited
        os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
