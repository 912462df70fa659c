"""AED-MAE video anomaly detection as a PyTorch Lightning framework."""

from typing import Any

from .core import torchvision_guard

torchvision_guard.install()

__version__ = "0.1.0"
__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """`load` comes from `runtime`, with torch, when it is asked for: help must answer at once."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .runtime import load

    return load
