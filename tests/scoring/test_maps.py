import torch
from batches import random_batch, random_reconstruction

from aed_lightning.scoring.maps import pixel_map, predicted_map, student_difference, teacher_difference

PATCH, ROWS, COLUMNS = 8, 4, 8


def as_image(tokens):
    """(batch, 4, height, width) from tokens, by a loop over the grid."""
    image = torch.zeros(len(tokens), 4, ROWS * PATCH, COLUMNS * PATCH)
    for token in range(ROWS * COLUMNS):
        top, left = PATCH * (token // COLUMNS), PATCH * (token % COLUMNS)
        square = tokens[:, token].reshape(-1, PATCH, PATCH, 4).permute(0, 3, 1, 2)
        image[:, :, top : top + PATCH, left : left + PATCH] = square
    return image


def test_the_teachers_difference_is_taken_from_the_incoming_middle_frame_and_an_empty_map():
    batch = random_batch()
    reconstruction = random_reconstruction(batch)
    expected = as_image(reconstruction.teacher)
    expected[:, :3] -= batch.inputs[:, 3:6]
    expected[:, 3] += 1
    torch.testing.assert_close(as_image(teacher_difference(batch.inputs, reconstruction, PATCH)), expected)


def test_the_students_difference_is_student_less_teacher():
    reconstruction = random_reconstruction(random_batch())
    assert torch.equal(student_difference(reconstruction), reconstruction.student - reconstruction.teacher)


def test_without_student_there_is_no_difference():
    assert student_difference(random_reconstruction(random_batch(), student=False)) is None


def test_the_predicted_map_is_the_mean_of_a_tokens_fourth_channel_between_zero_and_one():
    reconstruction = random_reconstruction(random_batch())
    squares = as_image(reconstruction.teacher)[:, 3].reshape(-1, ROWS, PATCH, COLUMNS, PATCH)
    expected = (squares.mean(dim=(2, 4)).flatten(1) + 1) / 2
    torch.testing.assert_close(predicted_map(reconstruction), expected)
    reconstruction.teacher[..., 3::4] = -1
    assert not predicted_map(reconstruction).any()
    reconstruction.teacher[..., 3::4] = 1
    assert predicted_map(reconstruction).eq(1).all()


def test_a_pixel_map_sums_the_four_channels_of_each_pixel():
    values = random_reconstruction(random_batch()).teacher
    torch.testing.assert_close(pixel_map(values, PATCH, ROWS), as_image(values).sum(dim=1))
