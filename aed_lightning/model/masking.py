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

    Each mask depends on (seed, video, frame, epoch) alone: n uniform numbers, the `visible` smallest stay. On the CPU.
    """
    masks = np.ones((len(video), tokens), dtype=bool)
    for row, (name, frame, pass_) in enumerate(zip(video, frame_index.tolist(), epoch.tolist(), strict=True)):
        noise = generator(seed, "mask", name, frame, pass_).random(tokens)
        masks[row, np.argpartition(noise, visible - 1)[:visible]] = False
    return torch.from_numpy(masks)


def packed_order(mask: Bool[Tensor, "batch tokens"]) -> Int[Tensor, "batch visible"]:
    """The visible tokens of each clip, equally many, in a random order, as the released code packs them.

    The order is a function of the mask.
    """
    orders = [
        generator(zlib.crc32(hidden.tobytes()), "packed").permutation(np.flatnonzero(~hidden))
        for hidden in mask.cpu().numpy()
    ]
    return torch.from_numpy(np.stack(orders)).to(mask.device)
