"""From a batch to its reconstruction, under the masks of its clips."""

from collections.abc import Iterable
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..core.clip import Batch, Reconstruction
from .autoencoder import AutoEncoder
from .masking import several_masks


def reconstruct(
    network: AutoEncoder,
    batch: Batch,
    *,
    seed: int,
    with_student: bool,
    mask_ratio: float | None = None,
    masks: int = 1,
) -> Reconstruction:
    """Run the network on a batch; at the network's own mask ratio unless given. seed: of the masks.

    masks: how many of them each clip is seen under; what comes of them is averaged.
    """
    ratio = network.mask_ratio if mask_ratio is None else mask_ratio
    hidden = several_masks(
        batch.video,
        batch.frame_index,
        batch.epoch,
        masks=masks,
        tokens=network.active_tokens,
        visible=network.visible_tokens(ratio),
        seed=seed,
    )
    return under_masks(network, batch.inputs, hidden.to(batch.inputs.device), with_student, ratio)


def under_masks(
    network: AutoEncoder,
    inputs: Float[Tensor, "batch 9 height width"],
    masks: Bool[Tensor, "batch masks active"],
    with_student: bool,
    mask_ratio: float,
) -> Reconstruction:
    """The mean of what the network makes of clips under each of their masks."""
    found: list[Reconstruction] = [network(inputs, mask, with_student, mask_ratio) for mask in masks.unbind(1)]
    first = found[0]
    if len(found) == 1:
        return first
    return replace(
        first,
        teacher=_mean(one.teacher for one in found),
        student=None if first.student is None else _mean(one.student for one in found),
        class_logit=None if first.class_logit is None else _mean(one.class_logit for one in found),
        mask=masks.all(1),
        visible=None,
        token_logits=None,
    )


def _mean(outputs: Iterable[Tensor | None]) -> Tensor:
    """Of what may be bfloat16, in float32."""
    stacked = torch.stack([output for output in outputs if output is not None])
    return stacked.mean(0, dtype=torch.promote_types(stacked.dtype, torch.float32))
