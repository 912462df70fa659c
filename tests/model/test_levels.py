import numpy as np
import pytest
import torch

from aed_lightning.model import AutoEncoder
from aed_lightning.model.levels import NormalLevels


def test_levels_are_mean_and_spread_with_half_of_the_usual_spread_added():
    draw = torch.Generator().manual_seed(0)
    errors, maps, gaps = (torch.randn(40, 6, generator=draw) * torch.arange(1, 7) + 3 for _ in range(3))
    logits = torch.randn(40, generator=draw) * 2 - 1
    levels = NormalLevels(6)
    levels.measure(errors, maps, gaps, logits)
    for found, values in ((levels.error, errors), (levels.anomaly_map, maps), (levels.discrepancy, gaps)):
        spread = values.numpy().std(axis=0)
        np.testing.assert_allclose(found[0], values.numpy().mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(found[1], spread + 0.5 * np.sqrt((spread**2).mean()), rtol=1e-5)
    np.testing.assert_allclose(levels.class_logit, [logits.mean(), 1.5 * logits.numpy().std()], rtol=1e-5)


def test_what_is_not_measured_keeps_zero_and_one():
    levels = NormalLevels(3)
    levels.measure(torch.rand(5, 3), torch.rand(5, 3), None, None)
    assert torch.equal(levels.discrepancy, torch.tensor([[0.0] * 3, [1.0] * 3]))
    assert torch.equal(levels.class_logit, torch.tensor([0.0, 1.0]))


def test_places_where_nothing_ever_changes_give_finite_levels():
    levels = NormalLevels(3)
    levels.measure(torch.zeros(5, 3), torch.zeros(5, 3), torch.zeros(5, 3), torch.zeros(5))
    assert all((buffer[1] > 0).all() and buffer.isfinite().all() for buffer in levels.buffers())


def small() -> AutoEncoder:
    return AutoEncoder((16, 16), 8, encoder_dim=16, decoder_dim=16, heads=2)


def test_levels_travel_with_the_weights_and_into_each_reconstruction():
    network, other = small(), small()
    network.levels.measure(torch.rand(5, 4), torch.rand(5, 4), torch.rand(5, 4), torch.rand(5))
    other.load_state_dict(network.state_dict())
    found = other.eval()(torch.zeros(1, 9, 16, 16), torch.zeros(1, 4, dtype=torch.bool), mask_ratio=0.0).levels
    assert torch.equal(found.error, network.levels.error)
    assert torch.equal(found.anomaly_map, network.levels.anomaly_map)
    assert torch.equal(found.discrepancy, network.levels.discrepancy)
    assert torch.equal(found.class_logit, network.levels.class_logit)


def test_weights_without_levels_are_loaded_as_not_measured():
    state = {name: value for name, value in small().state_dict().items() if not name.startswith("levels.")}
    network = small()
    network.load_state_dict(state)
    assert torch.equal(network.levels.class_logit, torch.tensor([0.0, 1.0]))
    with pytest.raises(RuntimeError, match="student"):
        network.load_state_dict({name: value for name, value in state.items() if not name.startswith("student")})
