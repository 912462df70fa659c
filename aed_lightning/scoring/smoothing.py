"""How scores are smoothed over time under each protocol; a key of the configuration is an argument here."""

from dataclasses import dataclass
from typing import Any

from ..core import UsageError
from .temporal import check_sigma


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

    def __post_init__(self) -> None:
        check_sigma(self.sigma)
        if self.official_range < 2 or self.official_range % 2 or self.official_mu <= 0:
            raise UsageError(
                f"smoothing.official_range {self.official_range}, official_mu {self.official_mu}: "
                "the range must be even and at least 2, mu must be positive"
            )

    def official(self) -> dict[str, Any]:
        """Parameters of `metrics.evaluate` under the official protocol."""
        return {
            "range": self.official_range,
            "mu": self.official_mu,
            "per_video_minmax": self.official_per_video_minmax,
            "variant": "inference",
        }
