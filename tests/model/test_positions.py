import pytest
import torch
from batches import random_batch

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder, reconstruct
from aed_lightning.model.grid import TokenGrid
from aed_lightning.model.positions import Positions

SMALL = {"frame_size": (32, 64), "patch_size": 8, "encoder_dim": 32, "decoder_dim": 16, "dropout": 0.0}


def test_each_place_has_its_own_position_and_taken_tokens_have_theirs():
    positions, everywhere = Positions(4, 8, 16), torch.zeros(2, 32, 16)
    full = positions(everywhere, TokenGrid(4, 8))
    assert len(full[0].unique(dim=0)) == 32
    assert torch.equal(full[0], full[1])
    taken = torch.tensor([[3, 20], [0, 31]])
    found = positions(everywhere[:, :2], TokenGrid(4, 8, taken))
    assert torch.equal(found, torch.stack([full[0, [3, 20]], full[0, [0, 31]]]))


def moved(tokens, down):
    """A network that has nothing but its tokens cannot tell where they stand."""
    return tokens.roll(8 * down, dims=2)


@pytest.mark.parametrize("position_embedding", [False, True])
def test_only_with_positions_does_an_object_look_otherwise_elsewhere(position_embedding):
    torch.manual_seed(0)
    network = AutoEncoder(**SMALL, mask_ratio=0.0, active_ratio=9 / 32, position_embedding=position_embedding).eval()
    clip = torch.zeros(1, 9, 32, 64)
    clip[:, :3, 12:14, 20:22] = 0.5
    mask = torch.zeros(1, 9, dtype=torch.bool)
    first, second = network(clip, mask), network(moved(clip, 1), mask)
    assert torch.allclose(first.class_logit, second.class_logit, atol=1e-6) != position_embedding


def test_positions_are_not_kept_with_the_weights_and_reach_both_decoders():
    network = AutoEncoder(**SMALL, position_embedding=True).eval()
    assert network.state_dict().keys() == AutoEncoder(**SMALL).state_dict().keys()
    bare = AutoEncoder(**SMALL, position_embedding=True).eval()
    bare.load_state_dict(network.state_dict())
    bare.decoder_input.positions = None
    batch = random_batch()
    first, second = (reconstruct(one, batch, seed=0, with_student=True) for one in (network, bare))
    assert torch.equal(first.class_logit, second.class_logit)
    assert not torch.allclose(first.teacher, second.teacher)
    assert not torch.allclose(first.student, second.student)


def test_widths_that_sines_and_cosines_do_not_fill_are_refused():
    with pytest.raises(UsageError, match=r"position_embedding: encoder_dim 32 and decoder_dim 18"):
        AutoEncoder(**SMALL | {"decoder_dim": 18, "heads": 2}, position_embedding=True)
