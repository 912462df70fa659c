"""A video stream on the loopback address that can be cut, stalled and changed in size: MPEG-TS over HTTP."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np


class StreamServer(ThreadingHTTPServer):
    """Serves `/live.ts`: a square that walks over gray, `fps` frames a second.

    away: refuses, and cuts what is under way. stalled: gives nothing for as long. deaf: takes connections that it never
    answers, also later; `asked` is set with each.
    """

    daemon_threads = True

    def __init__(self, fps: int = 25, size: tuple[int, int] = (32, 64)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fps, self.size = fps, size
        self.away, self.stalled, self.deaf, self.asked = (threading.Event() for _ in range(4))
        self.ended = threading.Event()
        self.connections = 0

    @property
    def address(self) -> str:
        return f"http://me:secret@127.0.0.1:{self.server_address[1]}/live.ts?token=hidden"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: StreamServer

    def do_GET(self) -> None:
        if self.server.away.is_set():
            self.send_error(503)
            return
        if self.server.deaf.is_set():
            self.server.asked.set()
            self.server.ended.wait()
            return
        self.server.connections += 1
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        height, width = self.server.size
        with av.open(self.wfile, "w", format="mpegts", options={"flush_packets": "1"}) as container:
            stream = container.add_stream("mpeg2video", rate=self.server.fps)
            stream.height, stream.width, stream.pix_fmt, stream.gop_size = height, width, "yuv420p", 5
            stream.max_b_frames = 0
            began = time.monotonic()
            for number in range(10**9):
                if self.server.away.is_set() or self.server.deaf.is_set():
                    return
                while self.server.stalled.is_set():
                    time.sleep(0.02)
                picture = np.full((height, width, 3), 120, np.uint8)
                left = number % (width - 8)
                picture[8:16, left : left + 8] = 30
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                time.sleep(max(0.0, began + (number + 1) / self.server.fps - time.monotonic()))

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def stream_server(**options: Any) -> Iterator[StreamServer]:
    """A server in a thread of its own."""
    server = StreamServer(**options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.away.set()
        server.ended.set()
        server.stalled.clear()
        server.shutdown()
        server.server_close()
        thread.join()
