"""A share of many files, for one job of many (docs/adr/0020)."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core import DataError, UsageError
from ..core.randomness import stable_hash
from .lock import locked

SHARDS = ".shards"
"""Where a folder has the locks of its shares."""
MOST_NAMES = 100
"""In one message."""


@dataclass(frozen=True)
class Shard:
    """Share `number` of `of`, counted from 1: every name is in exactly one of them, whatever other names there are."""

    number: int
    of: int

    @staticmethod
    def parse(text: str) -> "Shard":
        """A share written I/N. Raises UsageError."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text, re.ASCII)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"--shard {text}: give I/N, share I of N, counted from 1, as 1/8 … 8/8")
        return Shard(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, name: str) -> bool:
        """Whether what is called `name` is in it."""
        return stable_hash(f"shard {name}") % self.of == self.number - 1

    @contextlib.contextmanager
    def held(self, folder: Path, wait_seconds: float, say: Callable[[str], None], being: str) -> Iterator[None]:
        """Hold this share of `folder`: beside the other shares, not beside a process that has all of it.

        Raises DataError as `locked`, and where the folder is being done in another number of shares.
        """
        shares = folder / SHARDS
        with (
            locked(folder, wait_seconds, say, being, shared=True),
            locked(shares / f"{self.number}-of-{self.of}", wait_seconds, say, being),
        ):
            for other in shares.iterdir():
                if not other.name.endswith(f"-of-{self.of}"):
                    try:
                        with locked(other, 0.0, say, being):
                            pass
                    except DataError as busy:
                        raise DataError(f"{busy}; all shares of {folder} must be of one number") from busy
            yield


def some_of(names: Sequence[str]) -> str:
    """Names for a message, the first of them where there are very many."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
