"""Several videos at once: a process decodes one video after the other, and a pipe tells the parent how far it is."""

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from pathlib import Path

from ..core import DataError
from .ingest import ingest
from .layouts import VideoSource
from .progress import Progress, SilentProgress
from .store import Settings, StorePaths, VideoRow

Outcome = VideoRow | DataError


def ingest_all(
    videos: Sequence[VideoSource],
    root: Path,
    paths: StorePaths,
    settings: Settings,
    progress: Progress,
    workers: int = 1,
) -> Generator[tuple[VideoSource, Outcome], None, None]:
    """Ingest `videos`, `workers` at once, and hand each on when it is done, with its row or what is wrong with it.

    One worker is this process; more are spawned, and end with this iterator, or with this process however that ends.
    Raises OSError where a file of the store cannot be written.
    """
    if workers == 1:
        for video in videos:
            try:
                outcome: Outcome = ingest(video, root, paths, settings, progress)
            except DataError as error:
                outcome = error
            yield video, outcome
        return
    context = multiprocessing.get_context("spawn")
    waiting, working = deque(videos), list[_Worker]()
    try:
        while waiting or working:
            while waiting and len(working) < workers:
                working.append(_Worker(context, root, paths, settings, waiting.popleft()))
            ready = wait([worker.connection for worker in working])
            for worker in [worker for worker in working if worker.connection in ready]:
                message = worker.receive()
                if isinstance(message, int):
                    progress.frames(message)
                    continue
                if isinstance(message, OSError):
                    raise message
                video = worker.video
                if waiting and worker.process.is_alive():
                    worker.give(waiting.popleft())
                else:
                    working.remove(worker)
                    worker.end()
                yield video, message
    finally:
        for worker in working:
            worker.end()


class _Worker:
    """A process and the video it is at."""

    def __init__(
        self, context: SpawnContext, root: Path, paths: StorePaths, settings: Settings, video: VideoSource
    ) -> None:
        self.connection, its_end = context.Pipe()
        self.process = context.Process(target=_work, args=(its_end, root, paths, settings), daemon=True)
        self.process.start()
        # Only the process may hold its end, so that its death is seen here as the end of the pipe.
        its_end.close()
        self.give(video)

    def give(self, video: VideoSource) -> None:
        self.video = video
        with contextlib.suppress(ConnectionError):  # dead already: `receive` says so
            self.connection.send(video)

    def receive(self) -> int | Outcome | OSError:
        """A number of frames, the outcome for its video, or an error of the store."""
        try:
            message: int | Outcome | OSError = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            return DataError(
                f"{self.video.path}: the process that decoded it ended with exit code {self.process.exitcode}; "
                "replace the file or take it away (or, where memory ran out, use fewer --workers)"
            )
        return message

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.connection.close()


class _Reports(SilentProgress):
    """Sends the numbers of frames to the parent."""

    def __init__(self, connection: "Connection[int | Outcome | OSError, VideoSource]") -> None:
        self._connection = connection

    def frames(self, n: int, seconds: float = 0.0) -> None:
        self._connection.send(n)


def _work(
    connection: "Connection[int | Outcome | OSError, VideoSource]", root: Path, paths: StorePaths, settings: Settings
) -> None:
    """Ingest what the parent sends until it ends the process, or is gone itself: then the pipe is broken."""
    # A terminal sends Ctrl-C to this process too; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            video = connection.recv()
            try:
                outcome: Outcome | OSError = ingest(video, root, paths, settings, _Reports(connection))
            except (DataError, OSError) as error:
                outcome = error
            connection.send(outcome)
