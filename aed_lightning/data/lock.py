"""One process at a time in a folder that it writes."""

import contextlib
import errno
import fcntl
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..core import DataError

LOCK_FILE = ".lock"
POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(
    folder: Path, wait_seconds: float, say: Callable[[str], None], being: str = "prepared", *, shared: bool = False
) -> Iterator[int]:
    """Hold the lock of `folder`, which is being prepared; it ends with the process, however that ends.

    shared: beside others that share it, and not beside one that does not.

    Gives the descriptor of the lock: a child that inherits it holds the lock too, for as long as it lives (not on NFS).

    Where another process holds it, say so and wait up to `wait_seconds`; then DataError with the holder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+", encoding="utf-8") as handle:
        deadline, told = time.monotonic() + wait_seconds, False
        while not _taken(folder, handle.fileno(), shared):
            handle.seek(0)
            holder = handle.read().strip() or "an unnamed process"
            if time.monotonic() >= deadline:
                raise DataError(f"{folder} is being {being} by {holder}: wait for it, or end it and try again")
            if not told:
                limit = "" if wait_seconds == math.inf else f" up to {wait_seconds:g} s"
                say(f"{folder} is being {being} by {holder}; waiting{limit}")
                told = True
            time.sleep(POLL_SECONDS)
        handle.truncate(0)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        others = ", perhaps others" if shared else ""
        handle.write(f"process {os.getpid()} on {socket.gethostname()} since {now}{others}")
        handle.flush()
        yield handle.fileno()


def _taken(folder: Path, descriptor: int, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise DataError(
                f"{folder}: its file system has no locks ({error.strerror}), so that two processes could write here "
                "at once; give a folder on another one (--run_dir, --data.store, --out)"
            ) from error
        raise
    return True
