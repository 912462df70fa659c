"""Where the network is wrong: error and discrepancy of each value, and token maps of them."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..core.clip import Reconstruction
from ..model.grid import unchanged_tokens, unpatchify


def teacher_difference(
    inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
) -> Float[Tensor, "batch tokens values"]:
    """Teacher's output minus the frame as it came in; the map's target is "no anomaly" everywhere."""
    return reconstruction.teacher.float() - unchanged_tokens(inputs, patch)


def student_difference(reconstruction: Reconstruction) -> Float[Tensor, "batch tokens values"] | None:
    """Student's output minus the teacher's, or none where the student did not run."""
    if reconstruction.student is None:
        return None
    return reconstruction.student.float() - reconstruction.teacher


def mean_discrepancy(reconstruction: Reconstruction) -> Float[Tensor, "batch tokens"] | None:
    """Mean absolute difference of student and teacher over each token, or none where the student did not run."""
    if reconstruction.student is None:
        return None
    if torch.compiler.is_compiling():  # which wants no loop over a number that it does not know
        # The axis goes in a step of its own: OpenVINO 2026.4 joins a mean with what follows, and gets axes wrong.
        return (reconstruction.student.float() - reconstruction.teacher).abs().mean(dim=2, keepdim=True).squeeze(2)
    # Clip by clip: on a CPU the differences of one clip stay in the cache.
    clips = zip(reconstruction.student, reconstruction.teacher, strict=True)
    return torch.stack([(student.float() - teacher).abs_().mean(dim=1) for student, teacher in clips])


def mean_error(
    inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
) -> Float[Tensor, "batch tokens"]:
    """Mean squared error of the teacher's colors over each token."""
    colors = teacher_difference(inputs, reconstruction, patch).unflatten(2, (-1, 4))[..., :3]
    return colors.square().mean(dim=(2, 3))


def predicted_map(reconstruction: Reconstruction) -> Float[Tensor, "batch tokens"]:
    """The teacher's anomaly map as the mean of each token, brought to 0 (normal) .. 1 (anomalous)."""
    map_channel = reconstruction.teacher.unflatten(2, (-1, 4))[..., 3]
    return map_channel.float().mean(dim=2).add(1).div(2)


def relative_error(
    inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int, per_place: bool = True
) -> Float[Tensor, "batch tokens"]:
    """The teacher's mean error in spreads above what is normal at each place, or anywhere."""
    return _relative(mean_error(inputs, reconstruction, patch), _levels(reconstruction.levels.error, per_place))


def relative_map(reconstruction: Reconstruction, per_place: bool = True) -> Float[Tensor, "batch tokens"]:
    """The predicted map in spreads above what is normal at each place, or anywhere."""
    return _relative(predicted_map(reconstruction), _levels(reconstruction.levels.anomaly_map, per_place))


def relative_discrepancy(
    reconstruction: Reconstruction, per_place: bool = True
) -> Float[Tensor, "batch tokens"] | None:
    """The mean discrepancy in spreads above what is normal at each place, or anywhere; none where the student did not
    run."""
    discrepancy = mean_discrepancy(reconstruction)
    if discrepancy is None:
        return None
    return _relative(discrepancy, _levels(reconstruction.levels.discrepancy, per_place))


def relative_logit(reconstruction: Reconstruction) -> Float[Tensor, " batch"] | None:
    """The head's logit in spreads above what is normal, or none without a head."""
    if reconstruction.class_logit is None:
        return None
    return _relative(reconstruction.class_logit.float(), reconstruction.levels.class_logit)


def _levels(places: Float[Tensor, "2 tokens"], per_place: bool) -> Float[Tensor, "2 places"]:
    """Mean and spread of each place, or one of both for all: the mean, and the root mean square of the spreads."""
    if per_place:
        return places
    return torch.stack([places[0].mean(), places[1].square().mean().sqrt()]).unsqueeze(1)


def _relative(values: Float[Tensor, "..."], levels: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    mean, spread = levels
    return (values - mean) / spread


def pixel_map(
    values: Float[Tensor, "batch tokens values"], patch: int, rows: int
) -> Float[Tensor, "batch height width"]:
    """Sum of the four channels of each pixel."""
    return unpatchify(values, patch, rows).sum(dim=1)
