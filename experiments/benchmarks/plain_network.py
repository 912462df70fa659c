"""The plain baseline of every speed figure: the network written the straightforward way, as research code has it.

All patches are embedded by a convolution and the hidden ones thrown away; queries, keys and values each have a
convolution, a BatchNorm and a linear layer of their own; attention is two einsums and a softmax; perceptrons are 1x1
convolutions; everything is float32, nothing is fused, head and, but for the teacher's training, both decoders run. Same
weights, masks and outputs as `aed_lightning.model.AutoEncoder` (tests/experiments/test_plain_network.py). Frozen: all
ratios are counted from what it costs.
"""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from aed_lightning.core import UsageError
from aed_lightning.model import AutoEncoder
from aed_lightning.model.blocks import ConvolutionalProjection, CvtBlock
from aed_lightning.model.decoders import Decoder


class PlainProjection(nn.Module):
    """Depth-wise convolution, BatchNorm, linear layer: of queries, of keys, or of values."""

    def __init__(self, ours: ConvolutionalProjection, linear: nn.Linear, part: int) -> None:
        super().__init__()
        dim = linear.in_features
        own = slice(part * dim, (part + 1) * dim)
        self.convolution = nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False)
        self.norm = nn.BatchNorm2d(dim)
        self.linear = nn.Linear(dim, dim)
        with torch.no_grad():
            self.convolution.weight.copy_(ours.convolution.weight[own])
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(self.norm, name).copy_(getattr(ours.norm, name)[own])
        self.linear.load_state_dict(linear.state_dict())

    def forward(self, class_token: Tensor, patches: Tensor, places: Tensor | None, rows: int, columns: int) -> Tensor:
        if places is None:
            maps = self.norm(self.convolution(rearrange(patches, "b (h w) c -> b c h w", h=rows)))
            return self.linear(torch.cat([class_token, rearrange(maps, "b c h w -> b (h w) c")], dim=1))
        batch, _, dim = patches.shape
        where = places[:, :, None].expand(-1, -1, dim)
        full = patches.new_zeros(batch, rows * columns, dim).scatter(1, where, patches)
        maps = self.convolution(rearrange(full, "b (h w) c -> b c h w", h=rows))
        maps = rearrange(maps, "b c h w -> b (h w) c").gather(1, where)
        maps = self.norm(rearrange(maps, "b n c -> b c n 1"))
        return self.linear(torch.cat([class_token, rearrange(maps, "b c n 1 -> b n c")], dim=1))


class PlainBlock(nn.Module):
    """A CvT block."""

    def __init__(self, ours: CvtBlock) -> None:
        super().__init__()
        attention, dim = ours.attention, ours.norm1.normalized_shape[0]
        self.heads, self.scale = attention.heads, attention.scale
        self.projections = nn.ModuleList(
            PlainProjection(attention.convolved, linear, part)
            for part, linear in enumerate((attention.query, attention.key, attention.value))
        )
        self.output, self.norm1, self.norm2 = (
            nn.Linear(dim, dim),
            nn.LayerNorm(dim, eps=1e-6),
            nn.LayerNorm(dim, eps=1e-6),
        )
        for mine, theirs in ((self.output, attention.output), (self.norm1, ours.norm1), (self.norm2, ours.norm2)):
            mine.load_state_dict(theirs.state_dict())
        self.expand, self.shrink = nn.Conv2d(dim, 2 * dim, 1), nn.Conv2d(2 * dim, dim, 1)
        for mine, theirs in ((self.expand, ours.mlp.fc1), (self.shrink, ours.mlp.fc2)):
            with torch.no_grad():
                mine.weight.copy_(theirs.weight[:, :, None, None])
                mine.bias.copy_(theirs.bias)
        self.dropout = nn.Dropout(ours.mlp.drop1.p)

    def forward(self, tokens: Tensor, places: Tensor | None, rows: int, columns: int) -> Tensor:
        normed = self.norm1(tokens)
        query, key, value = (
            rearrange(
                project(normed[:, :1], normed[:, 1:], places, rows, columns), "b n (h d) -> b h n d", h=self.heads
            )
            for project in self.projections
        )
        weights = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", query, key) * self.scale, dim=-1)
        mixed = rearrange(torch.einsum("bhqk,bhkd->bhqd", weights, value), "b h n d -> b n (h d)")
        tokens = tokens + self.output(mixed)
        normed = self.norm2(tokens)
        hidden = self.dropout(functional.gelu(self.expand(rearrange(normed[:, 1:], "b n c -> b c n 1"))))
        patches = rearrange(self.shrink(hidden), "b c n 1 -> b n c")
        return tokens + torch.cat([normed[:, :1], patches], dim=1)


class PlainDecoder(nn.Module):
    """Blocks, LayerNorm and a linear layer to pixels."""

    def __init__(self, ours: Decoder) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(PlainBlock(block) for block in ours.blocks)
        self.norm = nn.LayerNorm(ours.norm.normalized_shape, eps=1e-6)
        self.output = nn.Linear(ours.output.in_features, ours.output.out_features)
        self.norm.load_state_dict(ours.norm.state_dict())
        self.output.load_state_dict(ours.output.state_dict())

    def forward(self, tokens: Tensor, places: Tensor | None, rows: int, columns: int) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens, places, rows, columns)
        return self.output(self.norm(tokens))[:, 1:]


class PlainNetwork(nn.Module):
    """The network with the weights of `ours`, which stay its own."""

    def __init__(self, ours: AutoEncoder) -> None:
        super().__init__()
        if ours.head is None or ours.convolution != "grid" or ours.encoder.positions is not None:
            raise UsageError("the plain baseline has a head, convolutions on the grid and no position embedding")
        patch, self.rows, self.columns = ours.patch_size, ours.rows, ours.columns
        encoder, entrance = ours.encoder, ours.decoder_input
        dim, narrow = encoder.embedding.out_features, entrance.embedding.out_features
        self.embedding = nn.Conv2d(9, dim, patch, stride=patch)
        self.embedding_norm, self.norm = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.decoder_embedding, self.head = nn.Linear(dim, narrow), nn.Linear(dim, 1)
        with torch.no_grad():
            self.embedding.weight.copy_(rearrange(encoder.embedding.weight, "d (p q c) -> d c p q", p=patch, q=patch))
            self.embedding.bias.copy_(encoder.embedding.bias)
        for mine, theirs in (
            (self.embedding_norm, encoder.embedding_norm), (self.norm, encoder.norm),
            (self.decoder_embedding, entrance.embedding), (self.head, ours.head),
        ):  # fmt: skip
            assert theirs is not None
            mine.load_state_dict(theirs.state_dict())
        self.class_token = nn.Parameter(encoder.class_token.detach().clone())
        self.mask_token = nn.Parameter(entrance.mask_token.detach().clone())
        self.blocks = nn.ModuleList(PlainBlock(block) for block in encoder.blocks)
        self.shared = nn.ModuleList(PlainBlock(block) for block in ours.shared)
        self.teacher, self.student = PlainDecoder(ours.teacher), PlainDecoder(ours.student)

    def forward(self, inputs: Tensor, mask: Tensor, with_student: bool = True) -> tuple[Tensor, Tensor | None, Tensor]:
        """Tokens of teacher and student, and the head's logit; `mask` is true where a token is hidden."""
        batch, tokens = mask.shape
        embedded = self.embedding_norm(rearrange(self.embedding(inputs), "b c h w -> b (h w) c"))
        order = mask.long().argsort(dim=1, stable=True)
        places = order[:, : int((~mask[0]).sum())]
        visible = embedded.gather(1, places[:, :, None].expand(-1, -1, embedded.shape[2]))
        encoded = torch.cat([self.class_token.expand(batch, -1, -1), visible], dim=1)
        for block in self.blocks:
            encoded = block(encoded, places, self.rows, self.columns)
        encoded = self.norm(encoded)
        narrow = self.decoder_embedding(encoded)
        filled = torch.cat([narrow[:, 1:], self.mask_token.expand(batch, tokens - places.shape[1], -1)], dim=1)
        filled = filled.gather(1, order.argsort(dim=1)[:, :, None].expand(-1, -1, filled.shape[2]))
        decoded = torch.cat([narrow[:, :1], filled], dim=1)
        for block in self.shared:
            decoded = block(decoded, None, self.rows, self.columns)
        return (
            self.teacher(decoded, None, self.rows, self.columns),
            self.student(decoded, None, self.rows, self.columns) if with_student else None,
            self.head(encoded[:, 0]).squeeze(1),
        )
