"""What the decoders say while they decode.

A decoder fills damaged pictures from others and gives them as good; only its log on the error stream tells.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MESSAGE = re.compile(rb"\[[^\]\n]+ @ 0x[0-9a-f]+\] (.*)")
_busy = threading.Lock()


@contextmanager
def decoder_log(warnings: list[str]) -> Iterator[None]:
    """Add a warning when the block ends well and a decoder reported errors; anything else goes to stderr then.

    The libraries share the error stream of the process, so one video at a time in each process: a second block at the
    same time is a RuntimeError.
    """
    if not _busy.acquire(blocking=False):
        raise RuntimeError(
            "two videos are decoded at once in one process: their decoders' messages cannot be told apart"
        )
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
        with tempfile.TemporaryFile() as log:
            os.dup2(log.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(stderr, 2)
                os.close(stderr)
                log.seek(0)
                messages = []
                for line in log:
                    if match := _MESSAGE.match(line):
                        messages.append(match[1].decode(errors="replace").strip())
                    else:
                        os.write(2, line)
            if messages:
                warnings.append(
                    f"the decoder reported {len(messages)} errors, pictures are damaged; first: {messages[0]}"
                )
    finally:
        _busy.release()
