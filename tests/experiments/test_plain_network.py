import sys
from pathlib import Path

import pytest
import torch
from batches import random_batch

from aed_lightning.model import AutoEncoder, head_loss, random_masks, teacher_loss

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments" / "benchmarks"))
from plain_network import PlainNetwork


def networks(training, mask_ratio=0.5):
    torch.manual_seed(0)
    ours = AutoEncoder((32, 64), 8, mask_ratio=mask_ratio, encoder_dim=32, decoder_dim=16, dropout=0.0)
    with torch.no_grad():
        for value in ours.parameters():
            value.add_(0.1 * torch.randn_like(value))
        for name, value in ours.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                value.copy_(torch.rand_like(value) + 0.2)
    return ours.double().train(training), PlainNetwork(ours).double().train(training)


def clips(ours):
    batch = random_batch(dtype=torch.float64)
    sizes = {"tokens": ours.active_tokens, "visible": ours.visible_tokens(ours.mask_ratio)}
    return batch, random_masks(batch.video, batch.frame_index, batch.epoch, **sizes, seed=0)


@pytest.mark.parametrize("mask_ratio", [0.5, 0.0])
@pytest.mark.parametrize("training", [False, True])
def test_the_baseline_computes_what_the_network_computes(training, mask_ratio):
    ours, plain = networks(training, mask_ratio)
    batch, mask = clips(ours)
    expected = ours(batch.inputs, mask)
    for found, wanted in zip(
        plain(batch.inputs, mask), (expected.teacher, expected.student, expected.class_logit), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_the_baseline_has_the_networks_gradients():
    ours, plain = networks(training=True)
    batch, mask = clips(ours)
    found = ours(batch.inputs, mask)
    (teacher_loss(batch, found, 8) + head_loss(batch, found)).backward()
    teacher, _, logit = plain(batch.inputs, mask)
    found = type(found)(teacher, None, mask, logit, found.levels)
    (teacher_loss(batch, found, 8) + head_loss(batch, found)).backward()
    for part, block in enumerate(plain.blocks[0].projections):
        wanted = ours.encoder.blocks[0].attention.convolved.convolution.weight.grad[part * 32 : (part + 1) * 32]
        torch.testing.assert_close(block.convolution.weight.grad, wanted, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(plain.class_token.grad, ours.encoder.class_token.grad, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(plain.mask_token.grad, ours.decoder_input.mask_token.grad, rtol=1e-8, atol=1e-12)
