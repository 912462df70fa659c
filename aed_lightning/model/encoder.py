"""The encoder: it sees the visible patches of a clip and nothing else."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .blocks import CvtBlock
from .grid import TokenGrid, patchify
from .positions import Positions


class Encoder(nn.Module):
    """Embed the visible patches, put a class token in front, and run CvT blocks over them.

    difference_gain: 0, or see `AutoEncoder`.
    """

    def __init__(
        self,
        patch: int,
        channels: int,
        dim: int,
        blocks: list[CvtBlock],
        positions: Positions | None = None,
        difference_gain: float = 0.0,
    ) -> None:
        super().__init__()
        self.patch, self.positions, self.difference_gain = patch, positions, difference_gain
        self.cut = patchify
        self.embedding = nn.Linear(patch * patch * channels, dim)
        self.embedding_norm = nn.LayerNorm(dim, eps=1e-6)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(
        self, inputs: Float[Tensor, "batch channels height width"], grid: TokenGrid, convolved: TokenGrid
    ) -> Float[Tensor, "batch visible_and_class dim"]:
        """grid: where the visible patches stand. convolved: where the convolutions take them to stand."""
        if self.difference_gain:
            inputs = differences(inputs, self.difference_gain)
        tokens = self.embedding_norm(self.embedding(grid.take(self.cut(inputs, self.patch))))
        if self.positions is not None:
            tokens = self.positions(tokens, grid)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1).to(tokens.dtype), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens, convolved)
        return self.norm(tokens)


def differences(inputs: Float[Tensor, "batch 9 height width"], gain: float) -> Float[Tensor, "batch 9 height width"]:
    """The middle frame as it is, and `gain` times what differs from it in the frame before and the frame after."""
    before, now, after = inputs.chunk(3, dim=1)
    return torch.cat([gain * (before - now), now, gain * (after - now)], dim=1)
