"""A web address on the loopback that takes events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class EventReceiver(ThreadingHTTPServer):
    """Takes events, after refusing the first `refusals` of them with this status.

    authorizations: the header of that name in each request, or none.
    """

    daemon_threads = True

    def __init__(self, refusals: int, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals, self.status = refusals, status
        self.events: list[dict] = []
        self.authorizations: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/events"


class _Handler(BaseHTTPRequestHandler):
    server: EventReceiver

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.authorizations.append(self.headers["Authorization"])
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_response(self.server.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        self.server.events.append(event)
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_) -> None:
        """Nothing."""


@contextmanager
def event_receiver(refusals: int = 0, status: int = 500) -> Iterator[EventReceiver]:
    """A receiver in a thread of its own."""
    receiver = EventReceiver(refusals, status)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join()
