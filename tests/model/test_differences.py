import math

import pytest
import torch

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder
from aed_lightning.model.encoder import differences

SMALL = {
    "frame_size": (16, 32), "patch_size": 4, "encoder_dim": 32, "encoder_depth": 1, "decoder_dim": 16,
    "heads": 2, "teacher_depth": 1, "dropout": 0.0, "mask_ratio": 0.0,
}  # fmt: skip


def test_the_middle_frame_stays_and_the_others_are_what_differs_from_it():
    before, now, after = (torch.full((1, 3, 2, 2), value) for value in (1.0, 3.0, 4.0))
    expected = torch.cat([2.0 * (before - now), now, 2.0 * (after - now)], dim=1)
    assert torch.equal(differences(torch.cat([before, now, after], dim=1), 2.0), expected)


def test_a_network_of_differences_is_one_of_frames_with_other_weights_of_its_embedding():
    torch.manual_seed(0)
    of_differences = AutoEncoder(**SMALL, difference_gain=4.0).eval()
    of_frames = AutoEncoder(**SMALL).eval()
    of_frames.load_state_dict(of_differences.state_dict())
    weight = of_frames.encoder.embedding.weight.data.unflatten(1, (-1, 3, 3))  # pixel, frame, channel
    before, now, after = weight.clone().unbind(2)
    weight[:, :, 0], weight[:, :, 1], weight[:, :, 2] = 4 * before, now - 4 * (before + after), 4 * after
    inputs, mask = torch.rand(2, 9, 16, 32), torch.zeros(2, 32, dtype=torch.bool)
    with torch.no_grad():
        mine, plain = of_differences(inputs, mask), of_frames(inputs, mask)
    assert torch.allclose(mine.teacher, plain.teacher, atol=1e-5)
    assert torch.allclose(mine.class_logit, plain.class_logit, atol=1e-5)
    of_frames.load_state_dict(of_differences.state_dict())
    with torch.no_grad():
        assert not torch.allclose(mine.teacher, of_frames(inputs, mask).teacher, atol=1e-3)


@pytest.mark.parametrize("gain", [-1.0, math.inf, math.nan])
def test_a_gain_that_is_none_is_refused(gain: float):
    with pytest.raises(UsageError, match=r"model.difference_gain .*: give 0 or a positive number"):
        AutoEncoder(**SMALL, difference_gain=gain)
