"""From the encoder's tokens to pixels: the shared input of the decoders, and the two output heads."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .blocks import CvtBlock
from .grid import TokenGrid
from .positions import Positions


class DecoderInput(nn.Module):
    """Narrow the encoder's tokens and fill the hidden places with one learned token."""

    def __init__(self, encoder_dim: int, dim: int, positions: Positions | None = None) -> None:
        super().__init__()
        self.positions = positions
        self.embedding = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(
        self, tokens: Float[Tensor, "batch visible_and_class encoder_dim"], visible: TokenGrid, decoded: TokenGrid
    ) -> Float[Tensor, "batch decoded_and_class dim"]:
        """visible: where the tokens stand. decoded: where the decoders need some."""
        tokens = self.embedding(tokens)
        filled = decoded.take(visible.place(tokens[:, 1:], empty=self.mask_token))
        if self.positions is not None:
            filled = self.positions(filled, decoded)
        return torch.cat([tokens[:, :1], filled], dim=1)


class Decoder(nn.Module):
    """CvT blocks, LayerNorm, and one linear layer to the values of each token."""

    def __init__(self, dim: int, values: int, blocks: list[CvtBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.output = nn.Linear(dim, values)

    def forward(
        self, tokens: Float[Tensor, "batch some_and_class dim"], grid: TokenGrid
    ) -> Float[Tensor, "batch some values"]:
        for block in self.blocks:
            tokens = block(tokens, grid)
        return self.output(self.norm(tokens[:, 1:]))
