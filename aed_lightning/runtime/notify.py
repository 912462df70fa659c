"""Post events to a web address while scoring goes on, without ever waiting for it."""

import base64
import json
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit

from ..core import UsageError
from .sources import without_password

MOST_WAITING = 1000
TIMEOUT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
LAST_CHANCE_SECONDS = 5.0
"""How long the end of the scoring waits for events that have not been taken yet."""


class Notifier:
    """Posts each event as JSON to `address`, in order, again and again until it is taken; the oldest give way.

    User and password in the address are sent as basic authorization, to nobody else: a redirection is a refusal.
    lost: events that were given up. Use as a context manager. Raises UsageError for what is no http address.
    """

    def __init__(self, address: str) -> None:
        if not address.startswith(("http://", "https://")):
            raise UsageError(f"--notify {without_password(address)}: give an http or https address")
        try:
            parts = urlsplit(address)
            user, password, host, _ = parts.username, parts.password, parts.hostname, parts.port
        except ValueError:  # its message would show the password
            host = None
        if not host or (user is None and "@" in address):  # http://me:12/34@host: half a password for a port
            raise UsageError(
                f"--notify {without_password(address)}: give http://HOST/PATH or http://USER:PASSWORD@HOST/PATH, with "
                "% and the two digits of its code for each /, ?, # and @ of a password"
            )
        self._address, self._headers = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), {}
        if user is not None:
            both = f"{unquote(user)}:{unquote(password or '')}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(both).decode("ascii")
        self._opener = urllib.request.build_opener(_NoRedirection)
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self.lost = 0

    def post(self, event: Mapping[str, Any]) -> None:
        """Hand an event over; returns at once."""
        with self._changed:
            self._waiting.append(json.dumps(event).encode())
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self.lost += 1
            self._changed.notify()

    def __enter__(self) -> "Notifier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._wake.set()
            self._changed.notify()
        self._thread.join(LAST_CHANCE_SECONDS)
        with self._changed:
            self.lost += len(self._waiting)
            self._waiting.clear()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                event = self._waiting[0]
            if self._taken(event):
                pause = FIRST_PAUSE
                with self._changed:
                    if self._waiting and self._waiting[0] is event:
                        self._waiting.popleft()
            else:
                if self._closing:
                    time.sleep(FIRST_PAUSE)
                self._wake.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _taken(self, event: bytes) -> bool:
        request = urllib.request.Request(
            self._address, data=event, headers={"Content-Type": "application/json", **self._headers}, method="POST"
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS):
                return True
        except (OSError, HTTPException, ValueError):
            return False


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """urllib would follow with a GET without the event, and with the password."""

    def redirect_request(self, *_: Any) -> None:
        return None
