"""Tokens and the grid of patches that they come from."""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from ..core.clip import CLIP_FRAMES


def patchify(images: Float[Tensor, "batch channels height width"], patch: int) -> Float[Tensor, "batch tokens values"]:
    """Cut images into patches, row by row; inside a token: row, column, channel (channel fastest)."""
    return rearrange(images, "b c (h p) (w q) -> b (h w) (p q c)", p=patch, q=patch)


def patchify_planes(
    images: Float[Tensor, "batch channels height width"], patch: int
) -> Float[Tensor, "batch tokens values"]:
    """As `patchify`, but inside a token: channel, row, column (column fastest), which copies whole rows of patches."""
    return rearrange(images, "b c (h p) (w q) -> b (h w) (c p q)", p=patch, q=patch)


def unpatchify(
    tokens: Float[Tensor, "batch tokens values"], patch: int, rows: int
) -> Float[Tensor, "batch channels height width"]:
    """The inverse of `patchify` for a grid of `rows` rows."""
    return rearrange(tokens, "b (h w) (p q c) -> b c (h p) (w q)", h=rows, p=patch, q=patch)


def unchanged_tokens(inputs: Float[Tensor, "batch 9 height width"], patch: int) -> Float[Tensor, "batch tokens values"]:
    """The middle frame as it came in, as output tokens, with an anomaly map that says normal."""
    middle = inputs.chunk(CLIP_FRAMES, dim=1)[1]
    return patchify(torch.cat([middle, torch.full_like(middle[:, :1], -1.0)], dim=1), patch)


def visible_indices(mask: Bool[Tensor, "batch tokens"], visible: int) -> Int[Tensor, "batch visible"]:
    """Indices of the `visible` tokens that are not hidden, ascending.

    `visible` is given, not counted, so that shapes never depend on values (meta device, export, no GPU wait).
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    return (places + mask * mask.shape[1]).topk(visible, dim=1, largest=False).values


def most_moving(inputs: Float[Tensor, "batch 9 height width"], patch: int, count: int) -> Int[Tensor, "batch count"]:
    """Places of the `count` tokens of each clip in which, or next to which, most moves; ascending.

    Motion is the largest difference of a pixel between the middle frame and the two others. A token counts its own
    and the largest among its neighbors, in whole gray levels, so that what moves is taken with a border around it.
    """
    first, middle, last = inputs.chunk(CLIP_FRAMES, dim=1)
    change = torch.maximum((middle - first).abs(), (last - middle).abs()).amax(dim=1, keepdim=True)
    own = functional.max_pool2d(change, patch)
    moving = own + functional.max_pool2d(own, 3, stride=1, padding=1)
    levels = moving.flatten(1).mul(127.5).round().long()
    tokens = levels.shape[1]
    places = torch.arange(tokens, device=inputs.device)
    # Keys of which no two are equal: among tokens that move alike the first, on every device.
    taken = (levels * tokens + tokens - 1 - places).topk(count, dim=1).indices
    return taken.sort(dim=1).values


@dataclass(frozen=True)
class TokenGrid:
    """Where tokens stand: on all places of a `rows` x `columns` grid, or on the `taken` ones only."""

    rows: int
    columns: int
    taken: Int[Tensor, "batch taken"] | None = None

    def place(
        self,
        tokens: Float[Tensor, "batch some dim"],
        empty: Float[Tensor, "1 1 dim"] | Float[Tensor, "batch tokens dim"] | float = 0.0,
    ) -> Float[Tensor, "batch tokens dim"]:
        """All places of the grid, row by row, with `tokens` at theirs and `empty` at the others."""
        if self.taken is None:
            return tokens
        batch, _, dim = tokens.shape
        full = tokens.new_empty(batch, self.rows * self.columns, dim)
        full[:] = empty
        return full.flatten(0, 1).index_copy(0, self._rows_of_batch(), tokens.flatten(0, 1)).view_as(full)

    def take(self, full: Float[Tensor, "batch tokens dim"]) -> Float[Tensor, "batch some dim"]:
        """The tokens that stand on the grid, from all places."""
        if self.taken is None:
            return full
        return full.flatten(0, 1).index_select(0, self._rows_of_batch()).view(full.shape[0], -1, full.shape[2])

    def _rows_of_batch(self) -> Int[Tensor, " taken_of_batch"]:
        """Places of the taken tokens when the clips of a batch lie one below the other."""
        assert self.taken is not None
        first = torch.arange(self.taken.shape[0], device=self.taken.device) * (self.rows * self.columns)
        return (self.taken + first[:, None]).flatten()
