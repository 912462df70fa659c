"""The CvT block: attention whose queries, keys and values pass a 3x3 convolution over the grid of tokens.

Paper: section 3, "CvT blocks"; details and deviations in docs/method.md. Tokens carry a class token in front, which
no convolution sees.
"""

from typing import Literal

import torch
from jaxtyping import Float
from timm.layers.mlp import Mlp
from torch import Tensor, nn
from torch.nn import functional

from .grid import TokenGrid


class ConvolutionalProjection(nn.Module):
    """What queries, keys and values are made of: one depth-wise 3x3 convolution and one BatchNorm for all three.

    Hidden tokens count as zeros in the convolution and not at all in the statistics of the BatchNorm.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        # Three copies of the input and as many groups as channels: CPUs and GPUs have fast code for that shape,
        # and not for one group with three outputs.
        self.convolution = nn.Conv2d(3 * dim, 3 * dim, kernel_size=3, padding=1, groups=3 * dim, bias=False)
        self.norm = nn.BatchNorm1d(3 * dim)

    def forward(self, tokens: Float[Tensor, "batch some dim"], grid: TokenGrid) -> Float[Tensor, "batch some dim3"]:
        full = grid.place(tokens).repeat(1, 1, 3)
        maps = self.convolution(full.transpose(1, 2).unflatten(2, (grid.rows, grid.columns)))
        taken = grid.take(maps.flatten(2).transpose(1, 2))
        return self.norm(taken.flatten(0, 1)).view_as(taken)


class Attention(nn.Module):
    """Multi-head attention over convolved tokens and the class token.

    scale: "dim" divides the products by sqrt(dim) as the released model does; "head" by sqrt(dim / heads).
    """

    def __init__(self, dim: int, heads: int, scale: Literal["dim", "head"]) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim if scale == "dim" else dim // heads) ** -0.5
        self.convolved = ConvolutionalProjection(dim)
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.output = nn.Linear(dim, dim)

    def forward(self, tokens: Float[Tensor, "batch some dim"], grid: TokenGrid) -> Float[Tensor, "batch some dim"]:
        classes, patches = tokens[:, :1], tokens[:, 1:]
        convolved = self.convolved(patches, grid)
        classes = classes.to(convolved.dtype)
        # Each source whole in memory: a linear layer over a slice of all three would multiply and add in two steps.
        query, key, value = (
            layer(torch.cat([classes, source], dim=1)).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, source in zip((self.query, self.key, self.value), convolved.chunk(3, dim=2), strict=True)
        )
        mixed = attend(query, key, value, self.scale)
        return self.output(mixed.transpose(1, 2).flatten(2))


def attend(
    query: Float[Tensor, "batch heads some width"],
    key: Float[Tensor, "batch heads some width"],
    value: Float[Tensor, "batch heads some width"],
    scale: float,
) -> Float[Tensor, "batch heads some width"]:
    """Scaled dot-product attention, fused; but spelled out for training on a CPU.

    There the fused backward pass costs two to four times as much for a few hundred tokens (docs/adr/0007).
    """
    if query.device.type == "cpu" and query.requires_grad:
        weights = (scale * query @ key.transpose(2, 3)).softmax(dim=3)
        return weights.to(value.dtype) @ value
    return functional.scaled_dot_product_attention(query, key, value, scale=scale)


class CvtBlock(nn.Module):
    """Pre-norm block: attention, then a two-layer perceptron on the patches (not on the class token).

    The class token's share of the second half is its normalized self, as in the released model.
    """

    def __init__(
        self,
        dim: int,
        heads: int = 4,
        mlp_ratio: int = 2,
        dropout: float = 0.1,
        scale: Literal["dim", "head"] = "dim",
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attention = Attention(dim, heads, scale)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, mlp_ratio * dim, drop=(dropout, 0.0))

    def forward(self, tokens: Float[Tensor, "batch some dim"], grid: TokenGrid) -> Float[Tensor, "batch some dim"]:
        tokens = tokens + self.attention(self.norm1(tokens), grid)
        normed = self.norm2(tokens)
        patches = self.mlp(normed[:, 1:])
        return tokens + torch.cat([normed[:, :1].to(patches.dtype), patches], dim=1)
