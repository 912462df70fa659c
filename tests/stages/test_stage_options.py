import math

import pytest
import torch
from torch import nn

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder
from aed_lightning.stages import StageOptions

NETWORK = {"frame_size": (16, 16), "patch_size": 8, "encoder_dim": 16, "decoder_dim": 8}


def rates(options, steps, total_steps):
    optimizer = options.optimizer([nn.Parameter(torch.zeros(2, 2))])
    scheduler = options.scheduler(optimizer, total_steps)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"] / options.learning_rate)
        optimizer.step()
        scheduler.step()
    return seen


def test_matrices_and_tokens_decay_and_vectors_do_not():
    network = AutoEncoder(**NETWORK)
    optimizer = StageOptions(weight_decay=0.05, betas=(0.8, 0.9), learning_rate=3e-4).optimizer(network.parameters())
    decay = {parameter: group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]}
    assert len(decay) == len(list(network.parameters()))
    for name, parameter in network.named_parameters():
        is_vector = name.endswith("bias") or "norm" in name
        assert decay[parameter] == (0.0 if is_vector else 0.05), name
    assert decay[network.encoder.class_token] == decay[network.decoder_input.mask_token] == 0.05
    assert {(group["lr"], group["betas"]) for group in optimizer.param_groups} == {(3e-4, (0.8, 0.9))}


def test_the_optimizer_is_adamw_with_the_papers_values_by_default():
    optimizer = StageOptions().optimizer([nn.Parameter(torch.zeros(2, 2))])
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["lr"] == 1e-4
    assert optimizer.defaults["betas"] == (0.9, 0.95)
    assert optimizer.param_groups[0]["weight_decay"] == 0.05
    assert (StageOptions().epochs, StageOptions().batch_size) == (100, 100)


def test_a_constant_schedule_stays_at_the_learning_rate():
    assert rates(StageOptions(), 5, None) == [1.0] * 5


def test_a_cosine_schedule_falls_to_a_hundredth_and_stays_there():
    seen = rates(StageOptions(schedule="cosine"), 25, 20)
    expected = [0.01 + 0.99 * (1 + math.cos(math.pi * min(step, 20) / 20)) / 2 for step in range(25)]
    assert seen == pytest.approx(expected, abs=1e-6)
    assert seen[0] == pytest.approx(1.0)
    assert seen[20] == pytest.approx(0.01, abs=1e-6)
    assert seen[24] == pytest.approx(0.01, abs=1e-6)


def test_a_warm_up_rises_in_equal_steps():
    assert rates(StageOptions(warmup_steps=4), 7, None) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])


def test_a_cosine_schedule_without_number_of_steps_is_refused():
    options = StageOptions(schedule="cosine")
    with pytest.raises(UsageError, match="total_steps"):
        options.scheduler(options.optimizer([nn.Parameter(torch.zeros(1))]), None)


def test_a_stage_of_no_epochs_has_a_schedule():
    assert rates(StageOptions(schedule="cosine"), 1, 0) == pytest.approx([1.0])


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"batch_size": 0}, {"learning_rate": 0.0}, {"learning_rate": -1e-4}])
def test_options_that_cannot_be_meant_are_refused(wrong):
    ((key, value),) = wrong.items()
    with pytest.raises(UsageError, match=f"{key} {value}"):
        StageOptions(**wrong)


def test_no_epochs_are_allowed():
    assert StageOptions(epochs=0).epochs == 0
