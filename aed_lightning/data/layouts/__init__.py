"""One small class a data set; `open_layout` finds it by name, `DESCRIPTIONS` describes it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...core import UsageError
from . import avenue, folder, shanghaitech, ubnormal, ucsd
from .avenue import Avenue
from .description import Description
from .folder import Folder
from .layout import Layout, Masks, Split, VideoSource
from .shanghaitech import ShanghaiTech
from .ubnormal import UBnormal
from .ucsd import UCSD

LAYOUTS: dict[str, Callable[[Path], Layout]] = {
    "folder": Folder,
    "ped1": partial(UCSD, "ped1"),
    "ped2": partial(UCSD, "ped2"),
    "avenue": Avenue,
    "shanghaitech": ShanghaiTech,
    "ubnormal": UBnormal,
}

DESCRIPTIONS: dict[str, Description] = {
    "folder": folder.DESCRIPTION,
    "ped1": ucsd.describe("ped1"),
    "ped2": ucsd.describe("ped2"),
    "avenue": avenue.DESCRIPTION,
    "shanghaitech": shanghaitech.DESCRIPTION,
    "ubnormal": ubnormal.DESCRIPTION,
}

__all__ = ["DESCRIPTIONS", "LAYOUTS", "Layout", "Masks", "Split", "VideoSource", "open_layout"]


def open_layout(name: str, root: Path) -> Layout:
    """The layout `name` over `root`. Raises UsageError for an unknown name, DataError with all problems of `root`."""
    if name not in LAYOUTS:
        raise UsageError(f"layout {name!r} is unknown: use one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name](root)
