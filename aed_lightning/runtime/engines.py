"""What runs a scoring graph: PyTorch, compiled PyTorch, ONNX Runtime or OpenVINO."""

import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ..core import UsageError
from ..core.environment import has_bfloat16
from ..model.inference import for_inference
from .export import FORMATS, PARTS, export_onnx, open_onnx, open_openvino, refuse_missing
from .graph import ScoringGraph

CPU_BACKENDS = ("onnx", "openvino")
BACKENDS = ("torch", "compile", *CPU_BACKENDS)
PRECISIONS = ("32-true", "bf16-mixed")
BATCH = 32
"""Clips at a time, where nothing speaks for fewer."""


class Engine(ABC):
    """Runs `graph` on clips of any number; takes and gives tensors of the CPU.

    backend: what runs it, one of `BACKENDS`. precision: that of its products. batch_size: clips at a time that suit it.
    """

    backend: str
    graph: ScoringGraph
    precision: str
    batch_size: int = BATCH

    @abstractmethod
    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch masks active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        """As `ScoringGraph.forward`."""


class TorchEngine(Engine):
    """PyTorch on any device. compiled: by `torch.compile`; where that fails, as it is, with one warning."""

    def __init__(self, graph: ScoringGraph, device: torch.device, precision: str, *, compiled: bool = False) -> None:
        self.backend, self.precision, self._device = "compile" if compiled else "torch", precision, device
        bfloat16 = precision == "bf16-mixed"
        self.graph = graph.of(for_inference(graph.network, bfloat16=bfloat16).to(device))
        self._autocast = torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
        self._run: Callable[..., tuple[Tensor, Tensor]] = self.graph
        if compiled:
            self._run = torch.compile(self.graph)

    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch masks active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        arguments = (frames.to(self._device, non_blocking=True), mask.to(self._device, non_blocking=True))
        # Not `inference_mode`, which the compiler does not know.
        with torch.no_grad(), self._autocast:
            try:
                values, heat = self._run(*arguments)
            except Exception as error:
                if self._run is self.graph:
                    raise
                reason = f"{type(error).__name__}: {error}".partition("\n")[0]
                print(f"warning: torch.compile failed ({reason}); going on without it", file=sys.stderr)
                self.backend, self._run = "torch", self.graph
                values, heat = self._run(*arguments)
        return values.float().cpu(), heat.float().cpu()


class ExportedEngine(Engine):
    """ONNX Runtime, in float32, or OpenVINO, on the CPU; the graph is exported first."""

    def __init__(self, graph: ScoringGraph, backend: str, precision: str) -> None:
        self.graph, self.backend, self.precision = graph, backend, precision
        if backend == "openvino":
            self.batch_size = PARTS[0]  # the first clips of a recording then wait for fewer frames
        with tempfile.TemporaryDirectory() as folder:
            export_onnx(graph, file := Path(folder) / "graph.onnx")
            if backend == "onnx":
                self._run = open_onnx(file)
            else:
                self._run = open_openvino(file, bfloat16=precision == "bf16-mixed")

    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch masks active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        return self._run(frames, mask)


def build_engine(graph: ScoringGraph, *, backend: str, device: torch.device, precision: str) -> Engine:
    """An engine for `graph`. Raises UsageError for what there is not, with what would install it."""
    if backend not in BACKENDS:
        raise UsageError(f"backend {backend!r}: give one of {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision!r}: give auto, {' or '.join(PRECISIONS)}")
    if backend not in CPU_BACKENDS:
        return TorchEngine(graph, device, precision, compiled=backend == "compile")
    refuse_missing(FORMATS[".onnx" if backend == "onnx" else ".xml"], f"backend {backend!r}")
    if device.type != "cpu":
        raise UsageError(f"backend {backend!r} runs on the CPU here; give --device cpu, or backend torch")
    if precision == "bf16-mixed" and backend == "onnx":
        raise UsageError("backend 'onnx' computes in float32; give --precision 32-true, or backend openvino")
    if precision == "bf16-mixed" and not has_bfloat16():
        raise UsageError("this processor has no bfloat16; give --precision 32-true")
    return ExportedEngine(graph, backend, precision)
