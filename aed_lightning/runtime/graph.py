"""The whole of scoring a frame as one module, for PyTorch to run and for other engines to take over."""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from ..core.clip import CLIP_FRAMES
from ..model import AutoEncoder, several_masks
from ..model.reconstruct import under_masks
from ..scoring.maps import predicted_map
from ..scoring.rules import Rule


def network_inputs(
    frames: UInt8[Tensor, "batch 3 channels height width"],
) -> Float[Tensor, "batch 9 height width"]:
    """Bytes as the network takes them: -1 to 1, three colors, frames one behind the other."""
    inputs = frames.float().div_(127.5).sub_(1)
    return (inputs.expand(-1, -1, 3, -1, -1) if frames.shape[2] == 1 else inputs).flatten(1, 2)


class ScoringGraph(nn.Module):
    """From the bytes of clips to what the rule takes of each frame, and to where.

    with_student: whether the student has been trained; its decoder runs where the rule reads it. channels: 1 for gray,
    3 for color.
    """

    def __init__(self, network: AutoEncoder, rule: Rule, *, with_student: bool, channels: int) -> None:
        super().__init__()
        self.network, self.rule, self.with_student, self.channels = network, rule, with_student, channels
        self.mask_ratio = network.mask_ratio if rule.mask_ratio is None else rule.mask_ratio
        self.visible = network.visible_tokens(self.mask_ratio)

    def example(
        self, clips: int = 2
    ) -> tuple[UInt8[Tensor, "batch 3 channels height width"], Bool[Tensor, "batch masks active"]]:
        """Frames of noise and random masks, in the shapes that `forward` takes."""
        network, numbers = self.network, torch.arange(clips)
        size = (network.rows * network.patch_size, network.columns * network.patch_size)
        frames = torch.randint(0, 256, (clips, CLIP_FRAMES, self.channels, *size), dtype=torch.uint8)
        counts = {"masks": self.rule.masks, "tokens": network.active_tokens, "visible": self.visible}
        return frames, several_masks(("example",) * clips, numbers, 0 * numbers, **counts, seed=0)

    def of(self, network: AutoEncoder) -> "ScoringGraph":
        """The same with another network."""
        return ScoringGraph(network, self.rule, with_student=self.with_student, channels=self.channels).eval()

    def forward(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch masks active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        """`Rule.frame_values` of clips with these hidden tokens, and the predicted anomaly map, 0 normal to 1."""
        network, inputs = self.network, network_inputs(frames)
        found = under_masks(network, inputs, mask, self.with_student and self.rule.reads_student, self.mask_ratio)
        values = self.rule.frame_values(inputs, found, network.patch_size, network.rows)
        heat = predicted_map(found).clamp(0, 1).unflatten(1, (network.rows, network.columns))
        return values.float(), heat
