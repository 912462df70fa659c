"""The losses; each is a mean over the clips of the batch (docs/method.md, section 4)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..core.clip import Batch, Reconstruction
from .grid import patchify


def target_tokens(batch: Batch, patch: int) -> Float[Tensor, "batch tokens values"]:
    """What the teacher should reconstruct: the clean middle frame and the anomaly map as -1 and +1."""
    return patchify(torch.cat([batch.target, 2 * batch.anomaly_map - 1], dim=1), patch)


def teacher_loss(batch: Batch, reconstruction: Reconstruction, patch: int) -> Float[Tensor, ""]:
    """Squared error of each token, all tokens, weighted by motion (paper, equation 3)."""
    return _weighted_error(reconstruction.teacher, target_tokens(batch, patch), batch.token_weights)


def map_loss(batch: Batch, reconstruction: Reconstruction, patch: int) -> Float[Tensor, ""]:
    """Squared error of the predicted anomaly map, half of it weighted by motion, half with all tokens alike.

    Not in the paper: weighted by motion alone, the map may be anything where nothing moves in training.
    """
    difference = reconstruction.teacher.float() - target_tokens(batch, patch)
    error = difference.unflatten(2, (-1, 4))[..., 3].square().mean(dim=2)
    return ((batch.token_weights + 1 / error.shape[1]) / 2 * error).sum(dim=1).mean()


def student_loss(batch: Batch, reconstruction: Reconstruction) -> Float[Tensor, ""]:
    """Squared difference to the teacher's output, weighted as the teacher's loss (paper, equation 5)."""
    assert reconstruction.student is not None
    return _weighted_error(reconstruction.student, reconstruction.teacher.detach(), batch.token_weights)


def head_loss(batch: Batch, reconstruction: Reconstruction) -> Float[Tensor, ""]:
    """Binary cross-entropy of "this clip carries a pasted anomaly"."""
    assert reconstruction.class_logit is not None
    return functional.binary_cross_entropy_with_logits(reconstruction.class_logit.float(), batch.pasted.float())


def token_loss(batch: Batch, reconstruction: Reconstruction, patch: int) -> Float[Tensor, ""]:
    """Binary cross-entropy of "this token shows some of a pasted anomaly", over the tokens that the encoder sees."""
    assert reconstruction.token_logits is not None
    assert reconstruction.visible is not None
    shown = functional.max_pool2d(batch.anomaly_map, patch).flatten(1).gather(1, reconstruction.visible)
    return functional.binary_cross_entropy_with_logits(reconstruction.token_logits.float(), shown)


def _weighted_error(
    output: Float[Tensor, "batch tokens values"],
    target: Float[Tensor, "batch tokens values"],
    weights: Float[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    error = (output.float() - target.float()).square().mean(dim=2)
    return (weights * error).sum(dim=1).mean()
