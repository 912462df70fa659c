"""Decode in a thread while the rest works on the frames before."""

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue

import numpy as np

POLL_SECONDS = 0.2


def ahead(items: Iterable[np.ndarray], limit: int = 8) -> Iterator[np.ndarray]:
    """The same items, in order, produced up to `limit` ahead by another thread; errors come out where they belong.

    Stopping early stops the thread: it ends before this iterator is closed.
    """
    queue: Queue[np.ndarray | BaseException | None] = Queue(limit)
    stop = threading.Event()

    def put(item: np.ndarray | BaseException | None) -> None:
        while not stop.is_set():
            try:
                return queue.put(item, timeout=POLL_SECONDS)
            except Full:
                continue

    def produce() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                put(item)
                if stop.is_set():
                    break
            put(None)
        except BaseException as error:
            put(error)
        finally:
            # The generator holds the decoder, which must be closed by the thread that used it.
            del iterator

    thread = threading.Thread(target=produce, name="decoder", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
