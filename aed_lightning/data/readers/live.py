"""Frames of a camera or a stream, read in a process that can be ended: a native call that hangs cannot.

A reader's own time-out is not enough: OpenCV was seen to hang for ever after a stream had come back.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import numpy as np
from jaxtyping import UInt8

from ..opencv import cv2

STALL_SECONDS = 4.0
"""A stream that gives no frame for so long is taken for dead."""
OPEN_SECONDS = 6.0
"""As long may opening take, up to the first frame; then the process is ended and another one tries at once.

A stream that comes back just after an attempt began to hang is found again after this, the start of a process and the
time that opening takes: within 10 s. One whose first frame takes longer than this now and then (a key frame every 10 s)
is caught by one of the next attempts.
"""
START_SECONDS = 60.0
"""As long may the process take until it opens the stream: importing OpenCV on a busy machine."""
END_SECONDS = 2.0
"""As long is a killed process waited for; one in a driver that hangs cannot even be killed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds from one attempt to connect to the next; each is twice the one before."""


@dataclass(frozen=True)
class Picture:
    """A frame, and when it came, in seconds of a clock that only goes forward."""

    frame: UInt8[np.ndarray, "height width 3"]
    came: float


@dataclass(frozen=True)
class Lost:
    """The stream gives nothing any more, or not yet; `reason` for people, without the address."""

    reason: str


class LiveReader:
    """Reads `address`, a camera's number or an address, for as long as it is open, and comes back whenever it does.

    The address is in no message: it may hold a password. Use as a context manager.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._context = multiprocessing.get_context("spawn")
        self._child: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = threading.Event()
        self._changing = threading.Lock()

    def pictures(self) -> Iterator[Picture | Lost]:
        """Every frame as it comes; one `Lost` each time that there are none, then frames again when it is back.

        It ends when the reader is closed, by whatever thread.
        """
        pause = FIRST_PAUSE
        while self._connect():
            began, reason = time.monotonic(), "it cannot be opened"
            waiting = OPEN_SECONDS if self._opening() else 0.0
            while (picture := self._receive(waiting)) is not None:
                pause, waiting, reason = FIRST_PAUSE, STALL_SECONDS, f"no frame for {STALL_SECONDS:g} s, or its end"
                began = picture.came
                yield picture
            self._end_child()
            if self._closed.is_set():
                return
            yield Lost(reason)
            # An attempt that hung has waited long enough.
            self._closed.wait(max(0.0, began + pause - time.monotonic()))
            pause = min(2 * pause, LONGEST_PAUSE)

    def close(self) -> None:
        """End the reading process, hanging or not, for good."""
        self._closed.set()
        self._end_child()

    def __enter__(self) -> "LiveReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> bool:
        """Start a reading process; false where the reader is closed."""
        with self._changing:
            if self._closed.is_set():
                return False
            pipe, theirs = self._context.Pipe(duplex=False)
            child = self._context.Process(target=_read, args=(self._address, theirs), daemon=True, name="live")
            child.start()
            theirs.close()
            self._child, self._pipe = child, pipe
            return True

    def _end_child(self) -> None:
        with self._changing:
            child, pipe, self._child, self._pipe = self._child, self._pipe, None, None
        if child is not None:
            child.kill()
            child.join(END_SECONDS)
            if child.exitcode is not None:
                child.close()
        if pipe is not None:
            pipe.close()

    def _opening(self) -> bool:
        """Whether the process has started and opens the stream now."""
        pipe = self._pipe
        try:
            return pipe is not None and pipe.poll(START_SECONDS) and bool(pipe.recv())
        except (EOFError, OSError, TypeError):
            return False

    def _receive(self, seconds: float) -> Picture | None:
        """The next frame, or none where none comes in time, the process has ended, or the reader is closed."""
        pipe = self._pipe
        try:
            if pipe is None or not pipe.poll(seconds):
                return None
            height, width = pipe.recv()
            frame = np.empty((height, width, 3), np.uint8)
            pipe.recv_bytes_into(frame.data.cast("B"))
        except (EOFError, OSError, TypeError):  # TypeError: what a pipe raises that is closed while it is read
            return None
        return Picture(frame, time.monotonic())


def _read(address: str, pipe: Connection) -> None:
    """In the child: send frames until there are none, or nobody listens."""
    # Ctrl-C reaches all processes of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What FFmpeg says of a stream names its address.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    pipe.send(True)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 5000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 5000]
    if address.isdigit():
        capture = cv2.VideoCapture(int(address))
    else:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp|fflags;nobuffer"
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    while True:
        decoded, image = capture.read()
        if not decoded:
            return
        frame = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        try:
            pipe.send(frame.shape[:2])
            pipe.send_bytes(frame.data.cast("B"))
        except OSError:
            return
