import pytest
import torch
from torch.nn import functional

from aed_lightning.model.blocks import attend


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_attention_for_training_and_fused_attention_are_the_same(scale):
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 4, 9, 5, generator=draw, dtype=torch.float64) for _ in range(3))
    fused = functional.scaled_dot_product_attention(query, key, value, scale=scale)
    assert torch.equal(attend(query, key, value, scale), fused)
    trained = attend(query.requires_grad_(), key.requires_grad_(), value.requires_grad_(), scale)
    torch.testing.assert_close(trained, fused, rtol=1e-12, atol=1e-12)
    weights = (scale * torch.einsum("bhqc,bhkc->bhqk", query, key)).softmax(3)
    torch.testing.assert_close(trained, torch.einsum("bhqk,bhkc->bhqc", weights, value), rtol=1e-12, atol=1e-12)
    trained.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in (query, key))
