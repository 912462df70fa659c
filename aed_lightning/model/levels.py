"""What is normal at each place, measured once the network is trained and kept with its weights.

A camera that does not move sees the same things at the same places: where the map is often high on normal video it
says less there.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..core.clip import Levels

_LEAST_SPREAD = 0.5
"""Share of the usual spread, root mean square over places, that is added to every place's own: few frames say little
about a place. Not the median, which is 0 where most places are never active."""


class NormalLevels(nn.Module):
    """Mean and spread of error, map, discrepancy and class logit on normal video; zeros and ones until measured."""

    error: Tensor
    anomaly_map: Tensor
    discrepancy: Tensor
    class_logit: Tensor

    def __init__(self, tokens: int) -> None:
        super().__init__()
        for name in ("error", "anomaly_map", "discrepancy", "class_logit"):
            size = () if name == "class_logit" else (tokens,)
            self.register_buffer(name, torch.stack([torch.zeros(size), torch.ones(size)]))
        self.register_load_state_dict_pre_hook(_keep_where_missing)  # type: ignore[no-untyped-call]

    def forward(self) -> Levels:
        return Levels(self.error, self.anomaly_map, self.discrepancy, self.class_logit)

    @torch.no_grad()
    def measure(
        self,
        error: Float[Tensor, "frames tokens"],
        anomaly_map: Float[Tensor, "frames tokens"],
        discrepancy: Float[Tensor, "frames tokens"] | None,
        class_logit: Float[Tensor, " frames"] | None,
    ) -> None:
        """Take the levels from normal frames; those of what there is none of stay as they are."""
        for name, values in (
            ("error", error),
            ("anomaly_map", anomaly_map),
            ("discrepancy", discrepancy),
            ("class_logit", class_logit),
        ):
            if values is not None:
                spread, mean = torch.std_mean(values.double(), dim=0, correction=0)
                usual = spread.square().mean().sqrt().clamp(min=1e-6)
                self.get_buffer(name).copy_(torch.stack([mean, spread + _LEAST_SPREAD * usual]))


def _keep_where_missing(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Weights from before levels were measured have none."""
    for name, buffer in module.named_buffers():
        state.setdefault(prefix + name, buffer)
