"""The network: one encoder, a teacher decoder, and a student decoder that leaves the teacher after a few blocks.

    inputs, mask -> encoder -> decoder input -> shared blocks -+-> teacher -> tokens of the clean frame and the map
                       |                                       +-> student -> tokens like the teacher's
                       +-> class token -> head -> "carries an anomaly"
                       +-> visible tokens -> token head -> "shows some of an anomaly" (in training only)

Paper: figure 1 and section 3; docs/method.md says what differs.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import Parameter

from ..core import UsageError
from ..core.clip import CLIP_FRAMES, Reconstruction
from .blocks import CvtBlock
from .decoders import Decoder, DecoderInput
from .encoder import Encoder
from .grid import TokenGrid, most_moving, unchanged_tokens, visible_indices
from .levels import NormalLevels
from .masking import packed_order
from .positions import Positions

OUTPUT_CHANNELS = 4


class AutoEncoder(nn.Module):
    """Self-distilled masked auto-encoder.

    frame_size: height and width in pixels, multiples of `patch_size`.
    patch_size: side of a token in pixels.
    mask_ratio: share of the tokens that the encoder does not see; the paper never states it, its code has 0.5.
    active_ratio: share of the tokens that are computed at all, those where most moves; the others are taken to be as
    they are, and normal (docs/adr/0015).
    encoder_dim, encoder_depth, decoder_dim, teacher_depth, student_depth: widths and numbers of CvT blocks.
    branch_after: number of teacher blocks that the student shares.
    heads: attention heads of every block.
    dropout: inside the perceptrons of the blocks.
    attention_scale: "dim" as the released model, or "head" as usual.
    classification_head: whether the class token says if the clip carries a pasted anomaly.
    token_head: whether, in training, each token of the encoder says if it shows some of one. Not in the paper; the map
    learns sooner what training shows (docs/adr/0023).
    convolution: of the encoder, on the true "grid", or over visible tokens "packed" in random order as in the released
    code, for comparison (docs/adr/0003).
    position_embedding: whether tokens of encoder and decoders know their row and column; the released model's do not.
    difference_gain: 0, and the three frames are embedded as they are, as in the paper; else the middle one and so many
    times what differs in the others: the same functions, and what moves is learned sooner (docs/adr/0022).
    """

    def __init__(
        self,
        frame_size: tuple[int, int] = (320, 640),
        patch_size: int = 16,
        mask_ratio: float = 0.5,
        active_ratio: float = 1.0,
        encoder_dim: int = 256,
        encoder_depth: int = 3,
        decoder_dim: int = 128,
        teacher_depth: int = 3,
        student_depth: int = 1,
        branch_after: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        attention_scale: Literal["dim", "head"] = "dim",
        classification_head: bool = True,
        convolution: Literal["grid", "packed"] = "grid",
        position_embedding: bool = False,
        difference_gain: float = 0.0,
        token_head: bool = False,
    ) -> None:
        super().__init__()
        self.architecture: dict[str, Any] = {
            key: value for key, value in locals().items() if key not in ("self", "__class__")
        }
        height, width = frame_size
        if patch_size < 1 or min(height, width) < 1:
            raise UsageError(f"model.patch_size {patch_size}, frame size {height}x{width}: all must be positive")
        for key, dim in (("encoder_dim", encoder_dim), ("decoder_dim", decoder_dim)):
            if heads < 1 or dim < 1 or dim % heads:
                raise UsageError(
                    f"model.heads {heads} does not divide model.{key} {dim}; give a divisor of both widths"
                )
        if min(encoder_depth, teacher_depth, student_depth) < 0 or not 0 <= dropout < 1:
            raise UsageError(
                f"model.encoder_depth {encoder_depth}, teacher_depth {teacher_depth}, student_depth {student_depth}, "
                f"dropout {dropout}: depths must not be negative, dropout must be in [0, 1)"
            )
        if height % patch_size or width % patch_size:
            raise UsageError(
                f"model.patch_size {patch_size} does not divide the frame size {height}x{width}; "
                "choose a patch size that divides both, or another data.frame_size"
            )
        if not 0 <= mask_ratio < 1:
            raise UsageError(f"model.mask_ratio {mask_ratio} is not in [0, 1)")
        if position_embedding and (encoder_dim % 4 or decoder_dim % 4):
            raise UsageError(
                f"model.position_embedding: encoder_dim {encoder_dim} and decoder_dim {decoder_dim} must be multiples "
                "of 4"
            )
        if not 0 <= difference_gain < math.inf:
            raise UsageError(f"model.difference_gain {difference_gain}: give 0 or a positive number")
        if not 0 < active_ratio <= 1:
            raise UsageError(f"model.active_ratio {active_ratio} is not in (0, 1]")
        if active_ratio < 1 and convolution == "packed":
            raise UsageError(f"model.active_ratio {active_ratio} needs model.convolution grid, not packed")
        if not 0 <= branch_after <= teacher_depth:
            raise UsageError(f"model.branch_after {branch_after} is not between 0 and teacher_depth {teacher_depth}")
        self.patch_size = patch_size
        self.rows, self.columns = height // patch_size, width // patch_size
        self.tokens = self.rows * self.columns
        self.active_tokens = int(self.tokens * active_ratio)
        self.mask_ratio, self.convolution = mask_ratio, convolution
        if self.visible_tokens(mask_ratio) == 0:
            raise UsageError(
                f"model.mask_ratio {mask_ratio} leaves none of {self.active_tokens} tokens visible; lower it"
            )
        self._refuse_broken_rows(mask_ratio)

        def blocks(dim: int, depth: int) -> list[CvtBlock]:
            return [CvtBlock(dim, heads, dropout=dropout, scale=attention_scale) for _ in range(depth)]

        def positions(dim: int) -> Positions | None:
            return Positions(self.rows, self.columns, dim) if position_embedding else None

        values = patch_size * patch_size * OUTPUT_CHANNELS
        self.encoder = Encoder(
            patch_size, 3 * CLIP_FRAMES, encoder_dim, blocks(encoder_dim, encoder_depth), positions(encoder_dim),
            difference_gain,
        )  # fmt: skip
        self.head = nn.Linear(encoder_dim, 1) if classification_head else None
        self.token_head = nn.Linear(encoder_dim, 1) if token_head else None
        if self.token_head is not None:  # few tokens show an anomaly: the first steps need not learn that
            nn.init.zeros_(self.token_head.weight)
            nn.init.constant_(self.token_head.bias, -3.0)
        self.decoder_input = DecoderInput(encoder_dim, decoder_dim, positions(decoder_dim))
        self.shared = nn.ModuleList(blocks(decoder_dim, branch_after))
        self.teacher = Decoder(decoder_dim, values, blocks(decoder_dim, teacher_depth - branch_after))
        self.student = Decoder(decoder_dim, values, blocks(decoder_dim, student_depth))
        self.levels = NormalLevels(self.tokens)

    def visible_tokens(self, mask_ratio: float) -> int:
        """How many of the active tokens of a clip stay visible at a mask ratio."""
        return int(self.active_tokens * (1 - mask_ratio))

    def forward(
        self,
        inputs: Float[Tensor, "batch 9 height width"],
        mask: Bool[Tensor, "batch active"],
        with_student: bool = True,
        mask_ratio: float | None = None,
    ) -> Reconstruction:
        """Reconstruct the clean middle frame and the anomaly map from what `mask` leaves visible.

        `mask` hides the same number of active tokens in each clip: those of `mask_ratio`, the network's own unless
        given. Without the student its decoder does not run.
        """
        ratio = self.mask_ratio if mask_ratio is None else mask_ratio
        self._refuse_broken_rows(ratio)
        count = self.visible_tokens(ratio)
        checked = mask.device.type == "cpu" and not torch.compiler.is_compiling()
        if checked and not bool((~mask).sum(1).eq(count).all()):
            raise ValueError(f"a mask must leave exactly {count} of {self.active_tokens} tokens visible")
        active = TokenGrid(self.rows, self.columns, self._active_places(inputs))
        packed = self.convolution == "packed"
        order = packed_order(mask) if packed else visible_indices(mask, count)
        visible = TokenGrid(self.rows, self.columns, order if active.taken is None else active.taken.gather(1, order))
        encoded = self.encoder(inputs, visible, TokenGrid(self.rows, count // self.rows) if packed else visible)
        tokens = self.decoder_input(encoded, visible, active)
        for block in self.shared:
            tokens = block(tokens, active)
        elsewhere = 0.0 if active.taken is None else unchanged_tokens(inputs, self.patch_size)
        return Reconstruction(
            teacher=active.place(self.teacher(tokens, active), elsewhere),
            student=active.place(self.student(tokens, active), elsewhere) if with_student else None,
            mask=mask,
            class_logit=None if self.head is None else self.head(encoded[:, 0]).squeeze(1),
            levels=self.levels(),
            visible=visible.taken,
            token_logits=self._token_logits(encoded[:, 1:]),
        )

    def _token_logits(self, encoded: Float[Tensor, "batch visible dim"]) -> Float[Tensor, "batch visible"] | None:
        """Only while the head of tokens learns: nobody else reads what it says."""
        if self.token_head is None or not self.token_head.training:
            return None
        return self.token_head(encoded).squeeze(2)

    def _active_places(self, inputs: Float[Tensor, "batch 9 height width"]) -> Int[Tensor, "batch active"] | None:
        """Of the tokens that are computed, or none where all are."""
        if self.active_tokens == self.tokens:
            return None
        return most_moving(inputs, self.patch_size, self.active_tokens)

    def _refuse_broken_rows(self, mask_ratio: float) -> None:
        visible = self.visible_tokens(mask_ratio)
        if self.convolution == "packed" and visible % self.rows:
            raise UsageError(
                f"model.convolution packed: {visible} visible tokens do not fill {self.rows} rows; give another mask "
                f"ratio than {mask_ratio} (model.mask_ratio, scoring.mask_ratio)"
            )

    def frozen_in_student_stage(self) -> Iterator[nn.Module]:
        """Every part but the student."""
        return (module for name, module in self.named_children() if name != "student")

    def teacher_stage_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Names and parameters of every part but the student."""
        return ((name, value) for name, value in self.named_parameters() if not name.startswith("student."))
