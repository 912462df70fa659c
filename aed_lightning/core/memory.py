"""How this process asks the system for memory."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of mallopt, from malloc.h of the GNU C library."""


def keep_freed_memory() -> None:
    """Let this process reuse the memory that its arrays free, instead of returning it to the system each time.

    Every step of training and scoring frees and asks for the same large arrays, and the first touch of a page costs
    more than the arithmetic on it: on a CPU, steps at 160x320 take two thirds of the time (docs/adr/0012). The process
    stays as large as it once was. Does nothing where the C library is another than GNU's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, -1)
