"""Which tokens are hidden: a function of what the clip is, not of where it stands in a batch."""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..core import generator


def random_masks(
    video: Sequence[str],
    frame_index: Int[Tensor, " batch"],
    epoch: Int[Tensor, " batch"],
    *,
    tokens: int,
    visible: int,
    seed: int,
) -> Bool[Tensor, "batch tokens"]:
    """Random masks, true where a token is hidden; `visible` tokens of each clip are not.

    Each mask depends on (seed, video, frame, epoch) alone, and is a random one; but frames of a group, as many in a row
    as can, hide different tokens (docs/adr/0017). On the CPU.
    """
    hidden = tokens - visible
    masks = np.zeros((len(video), tokens), dtype=bool)
    if not hidden:
        return torch.from_numpy(masks)
    turns = max(1, tokens // hidden)
    for row, (name, frame, pass_) in enumerate(zip(video, frame_index.tolist(), epoch.tolist(), strict=True)):
        group, turn = divmod(frame, turns)
        order = generator(seed, "mask", name, group, pass_).permutation(tokens)
        masks[row, order[turn * hidden : (turn + 1) * hidden]] = True
    return torch.from_numpy(masks)


def several_masks(
    video: Sequence[str],
    frame_index: Int[Tensor, " batch"],
    epoch: Int[Tensor, " batch"],
    *,
    masks: int,
    tokens: int,
    visible: int,
    seed: int,
) -> Bool[Tensor, "batch masks tokens"]:
    """So many masks of each clip: `random_masks` of as many frames in a row.

    Where those are whole groups, every token is hidden equally often.
    """
    turns = [
        random_masks(video, frame_index * masks + turn, epoch, tokens=tokens, visible=visible, seed=seed)
        for turn in range(masks)
    ]
    return torch.stack(turns, dim=1)


def packed_order(mask: Bool[Tensor, "batch tokens"]) -> Int[Tensor, "batch visible"]:
    """The visible tokens of each clip, equally many, in a random order, as the released code packs them.

    The order is a function of the mask.
    """
    orders = [
        generator(zlib.crc32(hidden.tobytes()), "packed").permutation(np.flatnonzero(~hidden))
        for hidden in mask.cpu().numpy()
    ]
    return torch.from_numpy(np.stack(orders)).to(mask.device)
