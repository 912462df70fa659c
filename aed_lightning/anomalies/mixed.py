"""Several sources side by side."""

import math
from collections.abc import Iterator

import numpy as np

from aed_lightning.core import UsageError

from .carrying import Carrying
from .self_cut import SelfCut
from .source import AnomalySource, MovingObject
from .ubnormal import UBnormalObjects


class Mixed:
    """Draws each object from one of `sources`, chosen with `shares`, which need not sum to one. Raises UsageError."""

    def __init__(self, sources: list[AnomalySource], shares: list[float]) -> None:
        if not sources or len(sources) != len(shares):
            raise UsageError(f"{len(sources)} sources and {len(shares)} shares: give one share for each source")
        if not (min(shares) >= 0 and 0 < sum(shares) < math.inf):
            raise UsageError(f"shares {shares}: none may be negative, and one must be positive")
        self.sources = sources
        self.shares = [share / sum(shares) for share in shares]

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object of one of the sources."""
        return self.sources[int(generator.choice(len(self.sources), p=self.shares))].draw(
            generator, frame_size, channels
        )


def decoys_of(source: AnomalySource) -> SelfCut | None:
    """The first source in `source` that cuts normal objects, or none."""
    return next((cutter for cutter in cutters(source) if isinstance(cutter, SelfCut)), None)


def cutters(source: AnomalySource) -> Iterator[SelfCut | UBnormalObjects]:
    """The sources in `source`, itself or one that it mixes, that need a bank."""
    if isinstance(source, SelfCut | UBnormalObjects):
        yield source
    elif isinstance(source, Carrying):
        yield source.people
    elif isinstance(source, Mixed):
        for member in source.sources:
            yield from cutters(member)
