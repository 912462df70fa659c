"""What passes from the data to the network and from the network to the scores.

Axis names, the same in the whole package:

    batch      clips of a batch              channels   1 or 3 colors in the store, 3 at the model
    tokens     h*w patches of a frame        visible    tokens that the encoder sees
    active     tokens that are computed at all
    height, width     pixels                 rows, columns     cells (motion) or tokens (grid)
    values     patch*patch*4 numbers of one output token: row, column, then red, green, blue, anomaly map
    dim        width of a block
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64, UInt8
from torch import Tensor

CLIP_FRAMES = 3


@dataclass(frozen=True)
class Sprite:
    """An object to paste into one frame, already cut to the frame.

    image: (channels, h, w) uint8. alpha: (h, w) uint8, 255 opaque. top, left: pixels in the frame.
    """

    image: UInt8[np.ndarray, "channels height width"]
    alpha: UInt8[np.ndarray, "height width"]
    top: int
    left: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that it covers."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @staticmethod
    def nothing(channels: int) -> "Sprite":
        """What shows of an object that is outside the frame."""
        return Sprite(np.zeros((channels, 0, 0), np.uint8), np.zeros((0, 0), np.uint8), 0, 0)


Sprites = tuple[Sprite, Sprite, Sprite]
"""One sprite for each frame of a clip: the same object, moving."""


@dataclass(frozen=True)
class PastePlan:
    """What is pasted into a clip.

    anomaly: an object that is not normal. decoy: one that is, below the anomaly. Without decoys, whatever looks pasted
    is an anomaly, and how it looks is easier to learn than what is wrong with it.
    """

    anomaly: Sprites | None = None
    decoy: Sprites | None = None

    def __bool__(self) -> bool:
        return bool(self.anomaly or self.decoy)


@dataclass(frozen=True)
class Clip:
    """One training or test sample as the store holds it: bytes, no floats.

    frames: t-offset, t, t+offset. motion: maxima of the motion gradient over cells, from the clean frames.
    label: 0, 1, or -1 where there is none. epoch: 0 outside training. mirrored: whether left and right are to be
    exchanged, of what is pasted too.
    """

    frames: UInt8[np.ndarray, "3 channels height width"]
    motion: UInt8[np.ndarray, "channels rows columns"]
    video: str
    frame_index: int
    epoch: int = 0
    label: int = -1
    pasted: PastePlan = field(default_factory=PastePlan)
    mirrored: bool = False


@dataclass(frozen=True)
class Clips:
    """A stack of clips on its way to the device; fields as in `Clip`."""

    frames: UInt8[Tensor, "batch 3 channels height width"]
    motion: UInt8[Tensor, "batch channels rows columns"]
    video: tuple[str, ...]
    frame_index: Int64[Tensor, " batch"]
    epoch: Int64[Tensor, " batch"]
    label: Int64[Tensor, " batch"]
    pasted: tuple[PastePlan, ...]
    mirrored: tuple[bool, ...]

    @staticmethod
    def stack(clips: Sequence[Clip]) -> "Clips":
        """Stack clips of one size; the collate function of the data loaders."""
        return Clips(
            frames=torch.from_numpy(np.stack([clip.frames for clip in clips])),
            motion=torch.from_numpy(np.stack([clip.motion for clip in clips])),
            video=tuple(clip.video for clip in clips),
            frame_index=torch.tensor([clip.frame_index for clip in clips]),
            epoch=torch.tensor([clip.epoch for clip in clips]),
            label=torch.tensor([clip.label for clip in clips]),
            pasted=tuple(clip.pasted for clip in clips),
            mirrored=tuple(clip.mirrored for clip in clips),
        )

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Clips":
        """The same clips with the pixels on `device`; Lightning calls it, and says non_blocking of tensors only."""
        non_blocking = non_blocking or self.frames.is_pinned()
        return replace(
            self,
            frames=self.frames.to(device, non_blocking=non_blocking),
            motion=self.motion.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> "Clips":
        """The same clips in page-locked memory, from which a GPU copies faster."""
        return replace(self, frames=self.frames.pin_memory(), motion=self.motion.pin_memory())


@dataclass(frozen=True)
class Batch:
    """What the network and the losses see, on the device.

    inputs: the three frames on the channel axis, in [-1, 1], with what was pasted.
    target: the middle frame without the anomaly, in [-1, 1]. anomaly_map: 1 where an anomaly was pasted, 0 elsewhere.
    motion: token motion in gray levels, 0 to 255 and more where something was pasted.
    mean_motion: of the whole frame, in gray levels: the plainest score there is, kept to compare with.
    token_weights: sum to 1 in each clip. video, frame_index, epoch: the ids from which masks are drawn.
    label: 0, 1, or -1 where there is none. pasted: whether the clip carries a pasted anomaly.
    """

    inputs: Float[Tensor, "batch 9 height width"]
    target: Float[Tensor, "batch 3 height width"]
    anomaly_map: Float[Tensor, "batch 1 height width"]
    motion: Float[Tensor, "batch tokens"]
    mean_motion: Float[Tensor, " batch"]
    token_weights: Float[Tensor, "batch tokens"]
    video: tuple[str, ...]
    frame_index: Int[Tensor, " batch"]
    epoch: Int[Tensor, " batch"]
    label: Int[Tensor, " batch"]
    pasted: Bool[Tensor, " batch"]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """The same batch with all but its ids and labels on `device`; Lightning calls it."""
        names = ("inputs", "target", "anomaly_map", "motion", "mean_motion", "token_weights", "pasted")
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=non_blocking) for name in names})


@dataclass(frozen=True)
class Levels:
    """Mean and spread, in this order, on normal video; 0 and 1 where they were not measured.

    error: of the teacher's colors, of each token. anomaly_map: predicted, of each token. discrepancy: of teacher and
    student, of each token. class_logit: of a frame.
    """

    error: Float[Tensor, "2 tokens"]
    anomaly_map: Float[Tensor, "2 tokens"]
    discrepancy: Float[Tensor, "2 tokens"]
    class_logit: Float[Tensor, "2"]


@dataclass(frozen=True)
class Reconstruction:
    """What the network makes of a batch.

    teacher, student: output tokens, or none where the decoder did not run. mask: true where an active token was hidden;
    of several masks, where all hide it. class_logit: of "this clip carries an anomaly", or none without the head.
    levels: what the network knows of normal video. token_logits: of "this token shows some of an anomaly", of the
    tokens at the places `visible`; none outside training and without the head of tokens.
    """

    teacher: Float[Tensor, "batch tokens values"]
    student: Float[Tensor, "batch tokens values"] | None
    mask: Bool[Tensor, "batch active"]
    class_logit: Float[Tensor, " batch"] | None
    levels: Levels
    visible: Int[Tensor, "batch visible"] | None = None
    token_logits: Float[Tensor, "batch visible"] | None = None
