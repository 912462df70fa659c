import ctypes
import subprocess
import sys

import pytest

PAGES_TOUCHED = """
import resource, torch
from aed_lightning.core.memory import freed_memory_returned, keep_freed_memory
{call}
for _ in range(12):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(12, 1 << 20)
    touched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(touched)
"""


def pages_touched(call: str) -> int:
    """The first touches of a page while a process makes an array of 48 MiB for the twelfth time.

    glibc lays an aligned array beside the place of the last one a few times before it comes back to the first.
    """
    done = subprocess.run(
        [sys.executable, "-c", PAGES_TOUCHED.format(call=call)], capture_output=True, text=True, check=True, timeout=120
    )
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not the GNU C library")
def test_memory_that_was_freed_is_used_again() -> None:
    assert pages_touched("") > 100
    assert pages_touched("keep_freed_memory()") < 100
    returned = "keep_freed_memory(); returned = freed_memory_returned(); returned.__enter__()"
    assert pages_touched(returned) > 100
    assert pages_touched(f"{returned}; returned.__exit__(None, None, None)") < 100


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from aed_lightning.core.memory import keep_freed_memory

    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
