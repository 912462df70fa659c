"""AED-MAE video anomaly detection as a PyTorch Lightning framework."""

from .core import torchvision_guard

torchvision_guard.install()

__version__ = "0.1.0"
