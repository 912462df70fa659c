import pytest
import torch
from batches import random_batch

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder, map_loss, reconstruct, teacher_loss
from aed_lightning.model.grid import TokenGrid, most_moving, patchify

SMALL = {"frame_size": (32, 64), "patch_size": 8, "encoder_dim": 32, "decoder_dim": 16, "dropout": 0.0}
ROWS, COLUMNS = 4, 8


def still_clips(clips=2):
    """Noise that is the same in all three frames."""
    return (torch.rand(clips, 3, 32, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1).repeat(1, 3, 1, 1)


def moving_at(clip, *places, frame=0, by=0.5):
    """The clip with one pixel of these (row, column) tokens changed in one of its frames."""
    clip = clip.clone()
    for row, column in places:
        clip[3 * frame, 8 * row + 3, 8 * column + 5] += by
    return clip


def place(row, column):
    return row * COLUMNS + column


@pytest.mark.parametrize("frame", [0, 2])
def test_what_moves_is_taken_with_its_neighbors_and_places_ascend(frame):
    clips = still_clips()
    clips[1] = moving_at(clips[1], (2, 5), frame=frame)
    border = [place(row, column) for row in (1, 2, 3) for column in (4, 5, 6)]
    assert most_moving(clips, 8, 9)[1].tolist() == border


def test_what_moves_comes_before_the_neighbors_of_what_moves_more():
    clip = moving_at(moving_at(still_clips(1)[0], (0, 0), by=0.9), (3, 7), by=0.5)
    assert {place(0, 0), place(3, 7)} <= set(most_moving(clip[None], 8, 5)[0].tolist())


def test_of_tokens_that_move_alike_the_first_are_taken():
    assert most_moving(still_clips(), 8, 5).tolist() == [[0, 1, 2, 3, 4]] * 2


def network(**options) -> AutoEncoder:
    torch.manual_seed(0)
    return AutoEncoder(**SMALL | {"mask_ratio": 0.25, "active_ratio": 0.5} | options)


def test_tokens_that_are_not_active_stay_as_they_are_and_normal():
    batch, small = random_batch(), network().eval()
    found = reconstruct(small, batch, seed=0, with_student=True)
    active = torch.zeros(4, 32, dtype=torch.bool).scatter_(1, most_moving(batch.inputs, 8, 16), True)
    unchanged = patchify(torch.cat([batch.inputs[:, 3:6], torch.full((4, 1, 32, 64), -1.0)], dim=1), 8)
    for output in (found.teacher, found.student):
        assert torch.equal(output[~active], unchanged[~active])
        assert not torch.isclose(output[active], unchanged[active]).all(dim=1).any()


def test_pixels_of_tokens_that_are_not_active_are_not_read():
    clip = moving_at(still_clips(1)[0], (1, 1), (2, 5))
    other = clip.clone()
    other[:, 24:, :8] = 0.3  # no less still, and the last row is no neighbor of what moves
    small, mask = network(active_ratio=9 * 2 / 32, mask_ratio=0.0).eval(), torch.zeros(1, 18, dtype=torch.bool)
    first, second = small(clip[None], mask), small(other[None], mask)
    assert torch.equal(first.class_logit, second.class_logit)
    active = most_moving(clip[None], 8, 18)[0]
    assert torch.equal(first.teacher[:, active], second.teacher[:, active])
    assert not torch.equal(first.teacher, second.teacher)


def test_all_tokens_listed_are_the_same_as_no_list():
    batch, small = random_batch(), network(active_ratio=1.0).eval()
    expected = reconstruct(small, batch, seed=0, with_student=True)
    listed = torch.arange(32).expand(4, -1)
    small._active_places = lambda inputs: listed
    found = reconstruct(small, batch, seed=0, with_student=True)
    torch.testing.assert_close(found.teacher, expected.teacher)
    torch.testing.assert_close(found.student, expected.student)
    torch.testing.assert_close(found.class_logit, expected.class_logit)


def test_masks_hide_a_share_of_the_active_tokens():
    batch, small = random_batch(), network()
    found = reconstruct(small, batch, seed=0, with_student=False)
    assert found.mask.shape == (4, 16)
    assert found.mask.sum(dim=1).tolist() == [4] * 4


def test_a_hidden_token_hides_its_pixels():
    batch, small = random_batch(), network().eval()
    mask = torch.tensor([[True] * 4 + [False] * 12] * 4)
    first = small(batch.inputs, mask)
    hidden = most_moving(batch.inputs, 8, 16)[:, :4]
    pixels = torch.zeros(4, 32).scatter_(1, hidden, 1.0).view(4, 1, 4, 8)
    pixels = pixels.repeat_interleave(8, 2).repeat_interleave(8, 3).bool()
    other = torch.where(pixels, batch.inputs + 0.7, batch.inputs)  # moves as before
    second = small(other, mask)
    assert torch.equal(most_moving(other, 8, 16), most_moving(batch.inputs, 8, 16))
    torch.testing.assert_close(first.class_logit, second.class_logit, rtol=0, atol=0)
    assert torch.equal(first.teacher, second.teacher)


def test_it_learns_and_every_parameter_of_the_teacher_gets_a_gradient():
    batch, small = random_batch(), network()
    optimizer = torch.optim.AdamW(small.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        found = reconstruct(small, batch, seed=0, with_student=False)
        loss = teacher_loss(batch, found, 8) + map_loss(batch, found, 8)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    touched = {name for name, value in small.named_parameters() if value.grad is not None and value.grad.any()}
    assert touched == {name for name, _ in small.teacher_stage_parameters() if not name.startswith("head.")}


def test_an_empty_place_may_differ_from_place_to_place():
    grid, empty = TokenGrid(1, 3, torch.tensor([[1]])), torch.tensor([[[1.0], [2.0], [3.0]]])
    assert grid.place(torch.tensor([[[9.0]]]), empty).flatten().tolist() == [1.0, 9.0, 3.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"active_ratio": 0.0}, r"active_ratio 0\.0 is not in \(0, 1\]"),
        ({"active_ratio": 1.5}, r"active_ratio 1\.5 is not in \(0, 1\]"),
        ({"active_ratio": 0.5, "convolution": "packed"}, r"active_ratio 0\.5 needs model\.convolution grid"),
        ({"active_ratio": 0.02}, r"mask_ratio 0\.25 leaves none of 0 tokens visible"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(UsageError, match=message):
        network(**options)
