"""The order of the clips, and a loader that goes on in the middle of an epoch."""

import atexit
import ctypes
import multiprocessing
import os
import signal
import sys
import weakref
from collections.abc import Iterator

from torch.utils.data import DataLoader, Dataset, Sampler

from ..core import generator
from ..core.clip import Clips, PastePlan
from .clips import ClipDataset, ClipKey

_DEATH_OF_PARENT = 1
"""Linux's PR_SET_PDEATHSIG: what signal a process gets when its parent ends."""


class ClipBatches(Sampler[list[ClipKey]]):
    """Batches of clip keys for one rank: shuffled by (seed, epoch), or in order.

    The last batch may be smaller. No clip is repeated to even out the ranks; where they train, so that all make the
    same steps, the last few clips of an epoch's order are left out instead. `epoch` and `start` (batches to skip) say
    where the next iteration begins. every: in order, how many clips on the next one is.
    """

    def __init__(
        self,
        clips: int,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        every: int = 1,
    ) -> None:
        self.clips, self.batch_size, self.shuffle, self.seed = range(0, clips, every), batch_size, shuffle, seed
        self.rank, self.ranks = rank, ranks
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        mine = len(range(self.rank, self._used(), self.ranks))
        return -(-mine // self.batch_size)

    def __iter__(self) -> Iterator[list[ClipKey]]:
        order = list(self.clips)
        if self.shuffle:
            order = generator(self.seed, "order", epoch=self.epoch).permutation(self.clips).tolist()
        mine = [ClipKey(index, self.epoch) for index in order[self.rank : self._used() : self.ranks]]
        for first in range(self.start * self.batch_size, len(mine), self.batch_size):
            yield mine[first : first + self.batch_size]

    def _used(self) -> int:
        clips = len(self.clips)
        return clips - clips % self.ranks if self.shuffle else clips


def limited(batches: int, limit: int | float | None) -> int:
    """How many of an epoch's batches Lightning's `limit_train_batches` leaves: a number, or a share."""
    if limit is None:
        return batches
    return min(batches, int(limit)) if isinstance(limit, int) or limit > 1.0 else int(batches * limit)


Planned = tuple[ClipKey, PastePlan]


class _Plans(Dataset[Planned]):
    """What is pasted into each clip: the part of the work that is worth a worker."""

    def __init__(self, clips: ClipDataset) -> None:
        self._clips = clips

    def __getitem__(self, key: ClipKey) -> Planned:
        return key, self._clips.plan(key)


class ClipLoader:
    """Loads batches of clips.

    Workers draw what is pasted and let the system fetch the pixels; this process copies them out of the page cache.
    Sending them from process to process took more time than all the rest (docs/adr/0012).

    Shuffled, each iteration is the next epoch, or the next `limit` batches of one that has so many left, and its place
    can be saved and restored. In order, each iteration is the same: every clip, in epoch 0.

    Not a DataLoader but around one: Lightning rebuilds DataLoaders with its own samplers where it predicts.
    """

    def __init__(
        self, dataset: ClipDataset, batches: ClipBatches, *, workers: int = 0, pin_memory: bool = False,
        limit: int | None = None,
    ) -> None:  # fmt: skip
        self.dataset = dataset
        self._loader: DataLoader[Planned] = DataLoader(
            _Plans(dataset),
            batch_sampler=batches,
            collate_fn=list,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_leave_stopping_to_the_parent,
        )
        if workers:
            atexit.register(_send_workers_home, weakref.ref(self._loader))
        self._batches = batches
        self._pin_memory = pin_memory
        self._limit = limit
        self._epoch = 0
        self._delivered = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Clips]:
        if not self._batches.shuffle:
            yield from map(self._stack, self._loader)
            return
        part = max(1, min(self._limit or len(self), len(self)))
        begin = self._delivered // part * part
        if begin + part > len(self):  # what is left is no whole part; or it was saved by fewer processes
            self._epoch, self._delivered = self._epoch + 1, 0
        self._batches.epoch, self._batches.start = self._epoch, self._delivered
        for planned in self._loader:
            self._delivered += 1
            yield self._stack(planned)

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands; Lightning keeps it in the checkpoint."""
        return {"epoch": self._epoch, "delivered": self._delivered}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where `state` was taken."""
        self._epoch, self._delivered = state["epoch"], state["delivered"]

    def _stack(self, planned: list[Planned]) -> Clips:
        clips = Clips.stack([self.dataset.clip(key, pasted) for key, pasted in planned])
        return clips.pin_memory() if self._pin_memory else clips


def _leave_stopping_to_the_parent(worker: int) -> None:
    """Terminals and schedulers signal the workers too; they must go on until the parent has its checkpoint.

    If it is killed, they go with it: torch's own watch leaves one that is sending plans nobody takes any more.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it was killed while this one was starting
        os._exit(1)


def _send_workers_home(loader: "weakref.ref[DataLoader[Planned]]") -> None:
    """As the program ends, before `multiprocessing` sends them the SIGTERM that they ignore and waits for them."""
    alive = loader()
    if alive is not None and alive._iterator is not None:
        alive._iterator._shutdown_workers()  # type: ignore[attr-defined]
