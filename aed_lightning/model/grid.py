"""Tokens and the grid of patches that they come from."""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor


def patchify(images: Float[Tensor, "batch channels height width"], patch: int) -> Float[Tensor, "batch tokens values"]:
    """Cut images into patches, row by row; inside a token: row, column, channel (channel fastest)."""
    return rearrange(images, "b c (h p) (w q) -> b (h w) (p q c)", p=patch, q=patch)


def unpatchify(
    tokens: Float[Tensor, "batch tokens values"], patch: int, rows: int
) -> Float[Tensor, "batch channels height width"]:
    """The inverse of `patchify` for a grid of `rows` rows."""
    return rearrange(tokens, "b (h w) (p q c) -> b c (h p) (w q)", h=rows, p=patch, q=patch)


def visible_indices(mask: Bool[Tensor, "batch tokens"], visible: int) -> Int[Tensor, "batch visible"]:
    """Indices of the `visible` tokens that are not hidden, ascending.

    `visible` is given, not counted, so that shapes never depend on values (meta device, export, no GPU wait).
    """
    return mask.to(torch.uint8).argsort(dim=1, stable=True)[:, :visible]


@dataclass(frozen=True)
class TokenGrid:
    """Where tokens stand: on all places of a `rows` x `columns` grid, or on the `visible` ones only."""

    rows: int
    columns: int
    visible: Int[Tensor, "batch visible"] | None = None

    def place(
        self, tokens: Float[Tensor, "batch some dim"], empty: Float[Tensor, "1 1 dim"] | float = 0.0
    ) -> Float[Tensor, "batch tokens dim"]:
        """All places of the grid, row by row, with `tokens` at theirs and `empty` at the others."""
        if self.visible is None:
            return tokens
        batch, _, dim = tokens.shape
        full = tokens.new_empty(batch * self.rows * self.columns, dim)
        full[:] = empty.to(tokens.dtype).flatten() if isinstance(empty, Tensor) else empty
        return full.index_copy(0, self._rows_of_batch(), tokens.flatten(0, 1)).unflatten(0, (batch, -1))

    def take(self, full: Float[Tensor, "batch tokens dim"]) -> Float[Tensor, "batch some dim"]:
        """The tokens that stand on the grid, from all places."""
        if self.visible is None:
            return full
        return full.flatten(0, 1).index_select(0, self._rows_of_batch()).unflatten(0, (len(full), -1))

    def _rows_of_batch(self) -> Int[Tensor, " visible_of_batch"]:
        """Places of the visible tokens when the clips of a batch lie one below the other."""
        assert self.visible is not None
        first = torch.arange(len(self.visible), device=self.visible.device) * (self.rows * self.columns)
        return (self.visible + first[:, None]).flatten()
