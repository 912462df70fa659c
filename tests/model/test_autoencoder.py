import pytest
import torch
from batches import random_batch

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder, random_masks
from aed_lightning.model.decoders import DecoderInput
from aed_lightning.model.grid import TokenGrid, visible_indices

SMALL = {"frame_size": (32, 64), "patch_size": 8, "encoder_dim": 32, "decoder_dim": 16, "dropout": 0.0}


def network_and_masks(**options):
    torch.manual_seed(0)
    network, batch = AutoEncoder(**SMALL | options), random_batch()
    sizes = {"tokens": network.tokens, "visible": network.visible_tokens(network.mask_ratio)}
    return network, batch, random_masks(batch.video, batch.frame_index, batch.epoch, **sizes, seed=0)


def hidden_pixels_changed(inputs, mask, patch=8):
    rows, columns = inputs.shape[2] // patch, inputs.shape[3] // patch
    hidden = mask.reshape(-1, 1, rows, columns).repeat_interleave(patch, 2).repeat_interleave(patch, 3)
    return torch.where(hidden, torch.full_like(inputs, 1e6), inputs)


@pytest.mark.parametrize("convolution", ["grid", "packed"])
@pytest.mark.parametrize("training", [True, False])
def test_hidden_pixels_change_neither_outputs_nor_statistics(training, convolution):
    answers, buffers = [], []
    for changed in (False, True):
        network, batch, mask = network_and_masks(convolution=convolution)
        inputs = hidden_pixels_changed(batch.inputs, mask) if changed else batch.inputs
        answers.append(network.train(training)(inputs, mask))
        buffers.append(dict(network.named_buffers()))
    assert not torch.equal(batch.inputs, inputs)
    for output in ("teacher", "student", "class_logit"):
        assert torch.equal(getattr(answers[0], output), getattr(answers[1], output))
    assert all(torch.equal(buffers[0][name], buffers[1][name]) for name in buffers[0])


def test_packed_convolutions_take_other_tokens_for_neighbors():
    answers = []
    for convolution in ("grid", "packed"):
        network, batch, mask = network_and_masks(convolution=convolution)
        answers.append(network.eval()(batch.inputs, mask).teacher)
    assert not torch.allclose(*answers)


def test_packed_convolutions_need_whole_rows():
    with pytest.raises(UsageError, match=r"convolution packed: 22 visible tokens do not fill 4 rows"):
        AutoEncoder(**SMALL, mask_ratio=0.3, convolution="packed")


def test_visible_pixels_change_the_output():
    network, batch, mask = network_and_masks()
    first = network.eval()(batch.inputs, mask).teacher
    assert not torch.allclose(first, network(hidden_pixels_changed(batch.inputs, ~mask), mask).teacher)


def test_outputs_have_a_row_a_token_and_four_values_a_pixel():
    network, batch, mask = network_and_masks()
    answer = network(batch.inputs, mask)
    assert answer.teacher.shape == answer.student.shape == (4, 32, 8 * 8 * 4)
    assert answer.class_logit.shape == (4,)
    assert answer.mask is mask


def test_without_student_and_head_there_is_neither_output():
    network, batch, mask = network_and_masks(classification_head=False)
    answer = network(batch.inputs, mask, with_student=False)
    assert answer.student is None
    assert answer.class_logit is None


def test_the_teachers_output_is_the_same_with_and_without_student():
    network, batch, mask = network_and_masks()
    network.eval()
    assert torch.equal(network(batch.inputs, mask).teacher, network(batch.inputs, mask, with_student=False).teacher)


@pytest.mark.parametrize(("branch_after", "own"), [(0, 3), (1, 2), (3, 0)])
def test_the_student_leaves_the_teacher_after_the_shared_blocks(branch_after, own):
    network, batch, mask = network_and_masks(branch_after=branch_after)
    assert (len(network.shared), len(network.teacher.blocks), len(network.student.blocks)) == (branch_after, own, 1)
    before = network.eval()(batch.inputs, mask)
    with torch.no_grad():
        for parameter in network.teacher.parameters():
            parameter.add_(0.1)
    after = network(batch.inputs, mask)
    assert torch.equal(before.student, after.student)
    assert not torch.equal(before.teacher, after.teacher)


def test_hidden_places_of_the_decoder_get_the_mask_token_and_visible_ones_their_own():
    entrance = DecoderInput(8, 6)
    torch.nn.init.normal_(entrance.mask_token)
    mask = torch.tensor([[True, False, True, False, False, True], [False, False, True, True, True, False]])
    encoded = torch.randn(2, 4, 8)
    tokens = entrance(encoded, TokenGrid(2, 3, visible_indices(mask, 3)), TokenGrid(2, 3))
    narrow = entrance.embedding(encoded)
    assert torch.equal(tokens[:, 0], narrow[:, 0])
    assert torch.equal(tokens[:, 1:][~mask], narrow[:, 1:].flatten(0, 1))
    assert torch.equal(tokens[:, 1:][mask], entrance.mask_token[0].expand(6, -1))


@pytest.mark.parametrize("hidden", [0, 15, 17, 32])
def test_a_mask_that_hides_another_number_of_tokens_is_refused(hidden):
    network, batch, mask = network_and_masks()
    mask[:] = torch.arange(32) < hidden
    with pytest.raises(ValueError, match="exactly 16 of 32"):
        network(batch.inputs, mask)


def test_one_wrong_mask_in_the_batch_is_enough_to_be_refused():
    network, batch, mask = network_and_masks()
    mask[2, mask[2].int().argmin()] = True
    with pytest.raises(ValueError, match="exactly 16 of 32"):
        network(batch.inputs, mask)


@pytest.mark.parametrize("frame_size", [(33, 64), (32, 60), (4, 64)])
def test_a_patch_that_does_not_divide_the_frame_is_refused(frame_size):
    with pytest.raises(UsageError, match=rf"patch_size 8 .*{frame_size[0]}x{frame_size[1]}"):
        AutoEncoder(**SMALL | {"frame_size": frame_size})


@pytest.mark.parametrize("mask_ratio", [-0.1, 1.0, 1.5, float("nan")])
def test_a_mask_ratio_outside_zero_to_one_is_refused(mask_ratio):
    with pytest.raises(UsageError, match=f"mask_ratio {mask_ratio}"):
        AutoEncoder(**SMALL, mask_ratio=mask_ratio)


def test_a_mask_ratio_that_leaves_no_token_visible_is_refused():
    with pytest.raises(UsageError, match=r"mask_ratio 0\.99"):
        AutoEncoder(**SMALL, mask_ratio=0.99)


@pytest.mark.parametrize("branch_after", [-1, 4])
def test_a_branch_outside_the_teacher_is_refused(branch_after):
    with pytest.raises(UsageError, match=f"branch_after {branch_after}"):
        AutoEncoder(**SMALL, branch_after=branch_after)


def test_the_architecture_makes_the_same_network_again():
    network = AutoEncoder(**SMALL, branch_after=2, classification_head=False)
    twin = AutoEncoder(**network.architecture)
    assert twin.architecture == network.architecture
    assert {name: value.shape for name, value in twin.state_dict().items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }


def test_a_pass_may_hide_another_share_than_the_training_does():
    network, batch, mask = network_and_masks()
    nothing = torch.zeros_like(mask)
    answer = network.eval()(batch.inputs, nothing, mask_ratio=0.0)
    assert answer.teacher.shape == (4, network.tokens, 8 * 8 * 4)
    with pytest.raises(ValueError, match="exactly"):
        network(batch.inputs, nothing)
    with pytest.raises(ValueError, match="exactly"):
        network(batch.inputs, mask, mask_ratio=0.0)
