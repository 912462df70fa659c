"""From a batch to its reconstruction, under the masks of its clips."""

from ..core.clip import Batch, Reconstruction
from .autoencoder import AutoEncoder
from .masking import random_masks


def reconstruct(
    network: AutoEncoder, batch: Batch, *, seed: int, with_student: bool, mask_ratio: float | None = None
) -> Reconstruction:
    """Run the network on a batch; at the network's own mask ratio unless given. seed: of the masks."""
    ratio = network.mask_ratio if mask_ratio is None else mask_ratio
    masks = random_masks(
        batch.video,
        batch.frame_index,
        batch.epoch,
        tokens=network.active_tokens,
        visible=network.visible_tokens(ratio),
        seed=seed,
    )
    reconstruction: Reconstruction = network(batch.inputs, masks.to(batch.inputs.device), with_student, ratio)
    return reconstruction
