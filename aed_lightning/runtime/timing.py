"""How long pieces of work take, measured in turns, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ..core import UsageError


@dataclass(frozen=True)
class Timing:
    """Seconds of a piece of work, round by round. frames: that it handles each time."""

    seconds: tuple[float, ...]
    frames: int

    @property
    def rate(self) -> float:
        """Frames per second, median of the rounds."""
        return self.frames / float(np.median(self.seconds))

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles of the seconds, as a share of their median."""
        low, middle, high = np.percentile(self.seconds, [25, 50, 75])
        return float((high - low) / (2 * middle))

    def latency(self, percentile: int) -> float:
        """Seconds within which that share, 0 to 100, of the rounds was done."""
        return float(np.percentile(self.seconds, percentile))


def ratio(slow: Timing, fast: Timing) -> tuple[float, float]:
    """How many times as many frames a second `fast` handles, and half the distance of the quartiles as a share of it.

    Round by round, for timings of the same turns; the median counts.
    """
    rounds = np.divide(slow.seconds, slow.frames) / np.divide(fast.seconds, fast.frames)
    low, middle, high = np.percentile(rounds, [25, 50, 75])
    return float(middle), float((high - low) / (2 * middle))


def take_turns(
    work: Mapping[str, Callable[[], object]], frames: int, *, rounds: int, device: torch.device
) -> dict[str, Timing]:
    """Time each piece of work `rounds` times, one after the other in each round, after a round that does not count.

    A device that computes while the program goes on is waited for.
    """
    if rounds < 1:
        raise UsageError(f"{rounds} rounds: give 1 or more")
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, piece in work.items():
            _wait(device)
            begin = time.perf_counter()
            piece()
            _wait(device)
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: Timing(tuple(found), frames) for name, found in seconds.items()}


def peak_rate(device: torch.device, dtype: torch.dtype, *, rounds: int = 5) -> float:
    """Floating-point operations a second of a product of two square matrices, the best of some."""
    side = 2048 if device.type == "cpu" else 8192  # long enough that starting and waiting do not count
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    (timing,) = take_turns({"product": lambda: left @ right}, 1, rounds=rounds, device=device).values()
    return 2 * side**3 / min(timing.seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
