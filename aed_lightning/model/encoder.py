"""The encoder: it sees the visible patches of a clip and nothing else."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .blocks import CvtBlock
from .grid import TokenGrid, patchify
from .positions import Positions


class Encoder(nn.Module):
    """Embed the visible patches, put a class token in front, and run CvT blocks over them."""

    def __init__(
        self, patch: int, channels: int, dim: int, blocks: list[CvtBlock], positions: Positions | None = None
    ) -> None:
        super().__init__()
        self.patch, self.positions = patch, positions
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
        tokens = self.embedding_norm(self.embedding(grid.take(self.cut(inputs, self.patch))))
        if self.positions is not None:
            tokens = self.positions(tokens, grid)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1).to(tokens.dtype), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens, convolved)
        return self.norm(tokens)
