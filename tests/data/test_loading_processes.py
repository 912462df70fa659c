import signal
import subprocess
import sys
import time

import pytest
from squares import FRAME_SIZE
from waiting import rescued

PROGRAM = f"""
import multiprocessing, sys
from pathlib import Path
from aed_lightning.data.module import DataModule
root, store = map(Path, sys.argv[1:])
data = DataModule("squares", root=root, store=store, frame_size={FRAME_SIZE}, patch_size=8, workers=2)
data.prepare_data()
clips = iter(data.train_dataloader())
next(clips)
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def program(squares):
    """A process that has taken one batch of many from its two loading processes, and ends when it is told to."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(squares.root), str(squares.store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def loading_processes(program: subprocess.Popen) -> list[int]:
    with rescued(300, program.kill):
        found = [int(word) for word in program.stdout.readline().split()]
    assert len(found) == 2
    return found


def alive(process: int) -> bool:
    """Not gone, nor waiting for somebody to ask for its exit code."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(told.stdout.strip()) and not told.stdout.startswith("Z")


def gone_soon(processes: list[int]) -> bool:
    deadline = time.monotonic() + 30
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(alive, processes))


def test_a_program_ends_although_its_loading_processes_ignore_signals(program):
    workers = loading_processes(program)
    program.stdin.close()
    assert program.wait(timeout=300) == 0
    assert gone_soon(workers)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_loading_processes_go_with_a_parent_that_is_killed(program):
    workers = loading_processes(program)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert gone_soon(workers)
