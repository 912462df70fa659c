import math
from dataclasses import replace

import pytest
import torch
from batches import joined, random_batch, random_reconstruction

from aed_lightning.core.clip import Reconstruction
from aed_lightning.model import head_loss, map_loss, student_loss, teacher_loss, token_loss

PATCH, ROWS, COLUMNS = 8, 2, 3


def small(clips=2, seed=0):
    batch = random_batch((ROWS * PATCH, COLUMNS * PATCH), PATCH, clips, seed)
    return batch, random_reconstruction(batch, PATCH, seed=seed + 9)


def twice(reconstruction):
    outputs = {name: value for name, value in vars(reconstruction).items() if name != "levels"}
    return Reconstruction(
        **{name: None if value is None else torch.cat([value, value]) for name, value in outputs.items()},
        levels=reconstruction.levels,
    )


def looped_teacher_loss(batch, reconstruction):
    clips = len(batch.video)
    total = 0.0
    for clip in range(clips):
        for token in range(ROWS * COLUMNS):
            top, left = PATCH * (token // COLUMNS), PATCH * (token % COLUMNS)
            squares = 0.0
            for value in range(PATCH * PATCH * 4):
                pixel, channel = divmod(value, 4)
                row, column = top + pixel // PATCH, left + pixel % PATCH
                if channel < 3:
                    wanted = batch.target[clip, channel, row, column].item()
                else:
                    wanted = 1.0 if batch.anomaly_map[clip, 0, row, column] else -1.0
                squares += (reconstruction.teacher[clip, token, value].item() - wanted) ** 2
            total += batch.token_weights[clip, token].item() * squares / (PATCH * PATCH * 4)
    return total / clips


def test_the_teachers_loss_equals_a_plain_loop():
    batch, reconstruction = small()
    assert batch.anomaly_map.any()
    expected = looped_teacher_loss(batch, reconstruction)
    assert teacher_loss(batch, reconstruction, PATCH).item() == pytest.approx(expected, rel=1e-5)


def test_the_students_loss_equals_a_plain_loop():
    batch, reconstruction = small()
    total = 0.0
    for clip in range(2):
        for token in range(ROWS * COLUMNS):
            pairs = zip(
                reconstruction.student[clip, token].tolist(), reconstruction.teacher[clip, token].tolist(), strict=True
            )
            squares = sum((student - teacher) ** 2 for student, teacher in pairs)
            total += batch.token_weights[clip, token].item() * squares / (PATCH * PATCH * 4)
    assert student_loss(batch, reconstruction).item() == pytest.approx(total / 2, rel=1e-5)


def test_the_heads_loss_is_the_cross_entropy_of_pasted_or_not():
    batch, reconstruction = small(clips=4)
    chances = [1 / (1 + math.exp(-logit)) for logit in reconstruction.class_logit.tolist()]
    pasted = batch.pasted.tolist()
    assert pasted == [True, False, True, False]
    expected = -sum(math.log(p if yes else 1 - p) for p, yes in zip(chances, pasted, strict=True)) / 4
    assert head_loss(batch, reconstruction).item() == pytest.approx(expected, rel=1e-5)


def test_the_tokens_loss_is_the_cross_entropy_of_shows_some_of_it_or_not_over_the_visible_tokens():
    batch, reconstruction = small(clips=4)
    maps = torch.zeros_like(batch.anomaly_map)
    maps[0, 0, PATCH - 1, PATCH] = 1  # one pixel of the second token
    visible = torch.tensor([[0, 1, 5], [2, 3, 4], [0, 1, 2], [1, 3, 5]])
    logits = torch.randn(4, 3)
    batch = replace(batch, anomaly_map=maps)
    found = token_loss(batch, replace(reconstruction, visible=visible, token_logits=logits), PATCH)
    chances = 1 - logits.sigmoid()
    chances[0, 1] = logits[0, 1].sigmoid()
    assert found.item() == pytest.approx(-chances.log().mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    "loss", [lambda *pair: teacher_loss(*pair, PATCH), student_loss, head_loss], ids=["teacher", "student", "head"]
)
def test_a_batch_given_twice_has_the_loss_of_one(loss):
    batch, reconstruction = small(clips=3)
    doubled = loss(joined(batch, batch), twice(reconstruction))
    torch.testing.assert_close(doubled, loss(batch, reconstruction))


def test_equal_weights_make_the_teachers_loss_a_plain_mean():
    batch, reconstruction = small()
    batch = replace(batch, token_weights=torch.full((2, ROWS * COLUMNS), 1 / (ROWS * COLUMNS)))
    maps = reconstruction.teacher.reshape(2, ROWS, COLUMNS, PATCH, PATCH, 4).permute(0, 5, 1, 3, 2, 4)
    wanted = torch.cat([batch.target, batch.anomaly_map * 2 - 1], dim=1)
    expected = (maps.reshape(wanted.shape) - wanted).square().mean()
    torch.testing.assert_close(teacher_loss(batch, reconstruction, PATCH), expected)


def test_the_maps_loss_is_half_weighted_by_motion_and_half_a_plain_mean_of_the_maps_error():
    batch, reconstruction = small()
    predicted = reconstruction.teacher.reshape(2, ROWS * COLUMNS, PATCH * PATCH, 4)[..., 3]
    total = 0.0
    for clip in range(2):
        for token in range(ROWS * COLUMNS):
            row, column = divmod(token, COLUMNS)
            wanted = batch.anomaly_map[clip, 0, row * PATCH :, column * PATCH :][:PATCH, :PATCH] * 2 - 1
            error = (predicted[clip, token] - wanted.flatten()).square().mean()
            total += float(error) * (float(batch.token_weights[clip, token]) + 1 / (ROWS * COLUMNS)) / 2
    assert map_loss(batch, reconstruction, PATCH).item() == pytest.approx(total / 2, rel=1e-5)


def test_a_token_without_weight_does_not_count():
    batch, reconstruction = small()
    batch.token_weights[:, 2] = 0
    before = teacher_loss(batch, reconstruction, PATCH)
    reconstruction.teacher[:, 2] = 100.0
    assert torch.equal(teacher_loss(batch, reconstruction, PATCH), before)


def test_the_students_loss_leaves_the_teacher_without_gradient():
    batch, reconstruction = small()
    reconstruction.teacher.requires_grad_()
    reconstruction.student.requires_grad_()
    student_loss(batch, reconstruction).backward()
    assert reconstruction.teacher.grad is None
    assert reconstruction.student.grad.abs().sum() > 0


def test_losses_of_half_precision_outputs_are_single_precision():
    batch, reconstruction = small()
    half = replace(reconstruction, teacher=reconstruction.teacher.bfloat16(), student=reconstruction.student.bfloat16())
    assert teacher_loss(batch, half, PATCH).dtype == student_loss(batch, half).dtype == torch.float32
