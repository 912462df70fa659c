"""Let torchvision be imported beside a CPU build of torch.

Package registries serve torchvision as a CUDA build. Beside a CPU build of torch its operators do not load, and then
`import torchvision` fails, and with it timm, torchmetrics and lightning. None of them needs those operators; they need
the names to exist. See docs/adr/0002-torchvision-guard.md.
"""

import importlib.util
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_kept_alive: list[Any] = []


class _TorchvisionGuard(MetaPathFinder):
    """Sees the first search for torchvision, declares the missing operators, and steps aside."""

    def find_spec(self, name: str, path: Iterable[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            _declare_missing_operators()
        return None


def install() -> None:
    """Put the guard in front of the import system; it imports nothing until somebody looks for torchvision."""
    already = any(isinstance(finder, _TorchvisionGuard) for finder in sys.meta_path)
    if "torchvision" not in sys.modules and not already:
        sys.meta_path.insert(0, _TorchvisionGuard())


def _declare_missing_operators() -> None:
    import torch

    if torch.version.cuda is not None:
        return
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return
    try:
        torch.ops.load_library(f"{spec.submodule_search_locations[0]}/_C.so")
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            signature = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(signature)
        _kept_alive.append(library)
