import pytest
import torch

from aed_lightning.core import generator
from aed_lightning.model import random_masks, several_masks
from aed_lightning.model.masking import packed_order

NAMES, FRAMES, EPOCHS = ("a", "b", "a", "b"), torch.tensor([0, 0, 7, 8]), torch.tensor([0, 0, 0, 3])
SIZES = {"tokens": 800, "visible": 400, "seed": 5}


@pytest.mark.parametrize("visible", [1, 80, 400, 799, 800])
def test_exactly_the_asked_number_of_tokens_stays_visible(visible):
    masks = random_masks(NAMES, FRAMES, EPOCHS, tokens=800, visible=visible, seed=0)
    assert (~masks).sum(dim=1).tolist() == [visible] * 4


@pytest.mark.parametrize(("visible", "turns"), [(20, 2), (30, 4), (27, 3), (5, 1), (39, 40)])
def test_frames_in_a_row_hide_different_tokens_as_long_as_there_are_some(visible, turns):
    frames = torch.arange(3 * turns)
    masks = random_masks(("v",) * len(frames), frames, 0 * frames, tokens=40, visible=visible, seed=1)
    groups = masks.unflatten(0, (3, turns))
    assert (groups.sum(dim=1) <= 1).all()
    assert groups.sum(dim=(1, 2)).tolist() == [turns * (40 - visible)] * 3
    if 1 < turns < 40:
        assert not torch.equal(groups[0], groups[1])


def test_masks_are_those_of_an_independent_computation():
    masks = random_masks(NAMES, FRAMES, EPOCHS, **SIZES)
    for row, (name, frame, epoch) in enumerate(zip(NAMES, FRAMES.tolist(), EPOCHS.tolist(), strict=True)):
        order = generator(5, "mask", name, frame // 2, epoch).permutation(800).tolist()
        assert set(masks[row].nonzero().flatten().tolist()) == set(order[400:] if frame % 2 else order[:400])


def test_a_mask_depends_neither_on_the_batch_around_it_nor_on_the_order_of_calls():
    together = random_masks(NAMES, FRAMES, EPOCHS, **SIZES)
    for row in (2, 0, 3, 1):
        alone = random_masks(NAMES[row : row + 1], FRAMES[row : row + 1], EPOCHS[row : row + 1], **SIZES)
        assert torch.equal(alone[0], together[row])
    backwards = random_masks(NAMES[::-1], FRAMES.flip(0), EPOCHS.flip(0), **SIZES)
    assert torch.equal(backwards.flip(0), together)


def test_masks_do_not_move_the_global_generators():
    before = torch.get_rng_state()
    random_masks(NAMES, FRAMES, EPOCHS, **SIZES)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "other",
    [("b", 7, 2, 5), ("a", 8, 2, 5), ("a", 7, 3, 5), ("a", 7, 2, 6)],
    ids=["video", "frame", "epoch", "seed"],
)
def test_another_video_frame_epoch_or_seed_has_another_mask(other):
    def mask(name, frame, epoch, seed):
        numbers = torch.tensor([frame]), torch.tensor([epoch])
        return random_masks((name,), *numbers, tokens=800, visible=400, seed=seed)

    assert torch.equal(mask("a", 7, 2, 5), mask("a", 7, 2, 5))
    shared = (mask("a", 7, 2, 5) & mask(*other)).sum().item()
    assert 150 < shared < 250


def test_every_token_is_hidden_about_equally_often():
    frames = torch.arange(600)
    masks = random_masks(("v",) * 600, frames, torch.zeros_like(frames), tokens=40, visible=20, seed=1)
    share = masks.float().mean(dim=0)
    assert share.min() > 0.4
    assert share.max() < 0.6


def test_four_masks_of_a_frame_at_a_quarter_hide_every_token_once():
    masks = several_masks(NAMES, FRAMES, EPOCHS, masks=4, tokens=800, visible=600, seed=0)
    assert torch.equal(masks.sum(1), torch.ones(len(NAMES), 800, dtype=torch.int64))
    alone = several_masks(NAMES, FRAMES, EPOCHS, masks=1, tokens=800, visible=600, seed=0)
    assert torch.equal(alone[:, 0], random_masks(NAMES, FRAMES, EPOCHS, tokens=800, visible=600, seed=0))


def test_the_packed_order_is_a_random_one_of_the_visible_tokens_and_a_function_of_the_mask():
    masks = random_masks(NAMES, FRAMES, EPOCHS, **SIZES)
    orders = packed_order(masks)
    for mask, order in zip(masks, orders, strict=True):
        assert torch.equal(order.sort().values, (~mask).nonzero().flatten())
        assert (order.diff() > 0).float().mean() < 0.6
    assert torch.equal(packed_order(masks.flip(0)).flip(0), orders)
