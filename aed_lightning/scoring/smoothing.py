"""How scores are smoothed over time under each protocol; a key of the configuration is an argument here."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Smoothing:
    """Temporal smoothing.

    sigma: of the Gaussian, frames; chosen on validation, the same for all videos of a data set. 0 smooths nothing.
    official_range, official_mu, official_per_video_minmax: of the official protocol; the released code has 38, 11
    and no min-max for Avenue, 900, 282 and min-max for ShanghaiTech, and nothing for the others.
    """

    sigma: float = 5.0
    official_range: int = 38
    official_mu: int = 11
    official_per_video_minmax: bool = False

    def official(self) -> dict[str, Any]:
        """Parameters of `metrics.evaluate` under the official protocol."""
        return {
            "range": self.official_range,
            "mu": self.official_mu,
            "per_video_minmax": self.official_per_video_minmax,
            "variant": "inference",
        }
