"""Random numbers that are a function of what they are for, never of the order of calls."""

import hashlib

import numpy as np


def stable_hash(text: str) -> int:
    """64 bits of the SHA-256 of `text`: the same in every process, unlike `hash`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def generator(seed: int, purpose: str, video: str = "", frame: int = 0, epoch: int = 0) -> np.random.Generator:
    """A counter-based (Philox) generator keyed by its arguments.

    The same arguments give the same numbers whatever the batch, worker, rank or device. `purpose` keeps two uses
    apart ("mask", "paste"). seed, frame and epoch are not negative.
    """
    key = np.array([seed, stable_hash(f"{purpose}\0{video}")], dtype=np.uint64)
    # The lowest word counts the draws, so frame and epoch stand above it and streams never overlap.
    counter = np.array([0, frame, epoch, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def torch_seed(seed: int, *parts: str | int) -> int:
    """A seed for torch's own generator (dropout), from the seed of the run and where in the run it is."""
    return stable_hash("\0".join(map(str, (seed, *parts)))) % 2**63
