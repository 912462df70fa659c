"""How this process asks the system for memory."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
"""Parameters of mallopt, from malloc.h of the GNU C library."""


def keep_freed_memory() -> None:
    """Let this process reuse the memory that its arrays free, instead of returning it to the system each time.

    Every step of training and scoring frees and asks for the same large arrays, and the first touch of a page costs
    more than the arithmetic on it: on a CPU, steps at 160x320 take two thirds of the time (docs/adr/0012). The process
    stays as large as it once was. Does nothing where the C library is another than GNU's.
    """
    _set({_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1})


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Meanwhile, what programs get that ask for nothing: the settings at which the GNU C library arrives by itself once
    arrays of up to 32 MiB have been freed (malloc.c, "dynamic mmap threshold"). Afterwards `keep_freed_memory`.
    """
    _set({_M_MMAP_MAX: 65536, _M_MMAP_THRESHOLD: 2**25, _M_TRIM_THRESHOLD: 2**26})
    try:
        yield
    finally:
        keep_freed_memory()


def _set(parameters: dict[int, int]) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for name, value in parameters.items():
        mallopt(name, value)
