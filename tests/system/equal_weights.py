from pathlib import Path

import torch
from safetensors.torch import load_file


def same_weights(first: Path, second: Path) -> bool:
    """Whether two runs have the same weights, bit for bit."""
    ours, theirs = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
