"""Several cameras and one model: clips that wait at the same time run as one batch."""

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ..core import DataError
from .engines import Engine
from .live import score_live
from .live_windows import POLL_SECONDS, Say
from .notify import Notifier
from .recordings import Manner
from .scorer import Scorer
from .sources import LiveSource


@dataclass(frozen=True)
class _Request:
    """Clips that a thread waits for."""

    frames: Tensor
    mask: Tensor
    found: "Future[tuple[Tensor, Tensor]]" = field(default_factory=Future)


class SharedEngine(Engine):
    """An engine that several threads may call: what waits while it runs is its next batch.

    most: about how many clips a batch has, so that one camera need not wait for all the others for long.
    """

    def __init__(self, engine: Engine, most: int = 32) -> None:
        self.backend, self.graph, self.precision = engine.backend, engine.graph, engine.precision
        self._engine, self._most = engine, most
        self._waiting: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="engine", daemon=True)
        self.largest_batch = 0

    def __enter__(self) -> "SharedEngine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._closing:
            self._closed = True
            self._waiting.put(None)  # after this nothing comes
        self._thread.join()

    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch masks active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        request = _Request(frames, mask)
        with self._closing:
            if self._closed:
                raise RuntimeError("the engine has ended")
            self._waiting.put(request)
        return request.found.result()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            while sum(len(request.frames) for request in batch) < self._most and not self._waiting.empty():
                request = self._waiting.get()
                if request is None:
                    self._waiting.put(None)
                    break
                batch.append(request)
            self._run(batch)

    def _run(self, batch: list[_Request]) -> None:
        sizes = [len(request.frames) for request in batch]
        self.largest_batch = max(self.largest_batch, sum(sizes))
        try:
            found = self._engine(
                torch.cat([request.frames for request in batch]), torch.cat([request.mask for request in batch])
            )
            values, heat = (part.split(sizes) for part in found)
        except Exception as error:
            if len(batch) == 1:
                batch[0].found.set_exception(error)
            else:  # one of them is to blame, or each gets its own error
                for request in batch:
                    self._run([request])
            return
        for place, request in enumerate(batch):
            request.found.set_result((values[place], heat[place]))


def score_cameras(
    scorer: Scorer, folders: Mapping[LiveSource, Path], manner: Manner, say: Say, about: dict[str, Any],
    *, seconds: float | None = None, ended: threading.Event | None = None, notifier: Notifier | None = None,
) -> None:  # fmt: skip
    """`score_live` of each source into its folder, all at once; a source is shown with the name of its folder.

    seconds, ended, notifier: as there. A source that fails keeps the others from nothing; raises DataError for all such
    at the end.
    """
    ended = threading.Event() if ended is None else ended
    ends = [threading.Event() for _ in folders]  # a source that ends, however it does, sets its own
    failed: list[str] = []

    with SharedEngine(scorer.engine) as engine, ThreadPoolExecutor(len(folders)) as pool:
        shared = replace(scorer, engine=engine)

        def score(source: LiveSource, folder: Path, own_end: threading.Event) -> None:
            def tell(message: str) -> None:
                say(f"{source.shown}: {message}")

            try:
                score_live(
                    shared, source, folder, manner, tell, about, seconds=seconds, ended=own_end, notifier=notifier
                )
            except Exception as error:
                what = str(error).removeprefix(f"{source.shown}: ")  # which is said before it
                failed.append(f"\n  {source.shown}: {what}")
                going_on = "" if all(end.is_set() for end in ends if end is not own_end) else "; the others go on"
                tell(f"{type(error).__name__}: {what}{going_on}")

        try:
            work = [
                pool.submit(score, replace(source, label=folder.name), folder, end)
                for (source, folder), end in zip(folders.items(), ends, strict=True)
            ]
            while wait(work, POLL_SECONDS).not_done and not ended.is_set():
                pass
        finally:
            for end in ends:
                end.set()
    if failed:
        raise DataError(f"{len(failed)} of {len(folders)} cameras could not be scored to their end:{''.join(failed)}")
