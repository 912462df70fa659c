"""Where a token stands, as numbers that the network can read."""

from jaxtyping import Float
from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
from torch import Tensor, nn

from .grid import TokenGrid


class Positions(nn.Module):
    """Adds fixed sines and cosines of row and column to tokens; nothing is learned or kept with the weights."""

    table: Tensor

    def __init__(self, rows: int, columns: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("table", build_sincos2d_pos_embed([rows, columns], dim), persistent=False)

    def forward(self, tokens: Float[Tensor, "batch some dim"], grid: TokenGrid) -> Float[Tensor, "batch some dim"]:
        """`grid` says where the tokens stand."""
        places = self.table if grid.taken is None else self.table[grid.taken]
        return tokens + places.to(tokens.dtype)
