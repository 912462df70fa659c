import aed_lightning  # noqa: F401  first, so that the torchvision guard is in place before torch's companions
