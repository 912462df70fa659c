"""The whole of scoring a frame as one module, for PyTorch to run and for other engines to take over."""

from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from ..model import AutoEncoder
from ..scoring.maps import predicted_map
from ..scoring.rules import Rule


class ScoringGraph(nn.Module):
    """From the bytes of clips to what the rule takes of each frame, and to where.

    with_student: whether the student has been trained and its decoder runs. channels: 1 for gray, 3 for color.
    """

    def __init__(self, network: AutoEncoder, rule: Rule, *, with_student: bool, channels: int) -> None:
        super().__init__()
        self.network, self.rule, self.with_student, self.channels = network, rule, with_student, channels
        self.mask_ratio = network.mask_ratio if rule.mask_ratio is None else rule.mask_ratio
        self.visible = network.visible_tokens(self.mask_ratio)

    def of(self, network: AutoEncoder) -> "ScoringGraph":
        """The same with another network."""
        return ScoringGraph(network, self.rule, with_student=self.with_student, channels=self.channels).eval()

    def forward(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        """`Rule.frame_values` of clips with these hidden tokens, and the predicted anomaly map, 0 normal to 1."""
        network = self.network
        inputs = frames.float().div(127.5).sub(1)
        if frames.shape[2] == 1:
            inputs = inputs.expand(-1, -1, 3, -1, -1)
        inputs = inputs.flatten(1, 2)
        found = network(inputs, mask, self.with_student, self.mask_ratio)
        values = self.rule.frame_values(inputs, found, network.patch_size, network.rows)
        heat = predicted_map(found).clamp(0, 1).unflatten(1, (network.rows, network.columns))
        return values.float(), heat
