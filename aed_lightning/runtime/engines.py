"""What runs a scoring graph: PyTorch, compiled PyTorch, ONNX Runtime or OpenVINO."""

import importlib.util
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ..core import UsageError
from ..core.environment import has_bfloat16
from ..model.inference import for_inference
from .export import export_onnx
from .graph import ScoringGraph

BACKENDS = ("torch", "compile", "onnx", "openvino")
PRECISIONS = ("32-true", "bf16-mixed")


class Engine(ABC):
    """Runs `graph` on clips of any number; takes and gives tensors of the CPU.

    backend: what runs it, one of `BACKENDS`. precision: that of its products.
    """

    backend: str
    graph: ScoringGraph
    precision: str

    @abstractmethod
    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch active"]
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
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch active"]
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


class OnnxEngine(Engine):
    """ONNX Runtime on the CPU, float32."""

    backend = "onnx"
    precision = "32-true"

    def __init__(self, graph: ScoringGraph) -> None:
        import onnxruntime

        self.graph = graph
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        with tempfile.TemporaryDirectory() as folder:
            export_onnx(graph, file := Path(folder) / "graph.onnx")
            self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        values, heat = self._session.run(None, {"frames": frames.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(values), torch.from_numpy(heat)


class OpenVinoEngine(Engine):
    """OpenVINO on the CPU."""

    backend = "openvino"

    def __init__(self, graph: ScoringGraph, precision: str) -> None:
        import openvino

        self.graph, self.precision = graph, precision
        with tempfile.TemporaryDirectory() as folder:
            export_onnx(graph, file := Path(folder) / "graph.onnx")
            options: dict[str, Any] = {
                # Its own choice on processors with bfloat16 is bfloat16.
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16-mixed" else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            }
            self._compiled = openvino.Core().compile_model(str(file), "CPU", options)

    def __call__(
        self, frames: UInt8[Tensor, "batch 3 channels height width"], mask: Bool[Tensor, "batch active"]
    ) -> tuple[Float[Tensor, "batch *map"], Float[Tensor, "batch rows columns"]]:
        found = self._compiled([frames.numpy(), mask.numpy()])
        values, heat = (torch.from_numpy(np.array(found[number])) for number in (0, 1))
        return values, heat


def build_engine(graph: ScoringGraph, *, backend: str, device: torch.device, precision: str) -> Engine:
    """An engine for `graph`. Raises UsageError for what there is not, with what would install it."""
    if backend not in BACKENDS:
        raise UsageError(f"backend {backend!r}: give one of {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision!r}: give auto, {' or '.join(PRECISIONS)}")
    if backend in ("onnx", "openvino"):
        needed = ["onnx", "onnxscript", "onnxruntime" if backend == "onnx" else "openvino"]
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(
                f"backend {backend!r} needs {', '.join(missing)}; "
                "install them with: pip install -c constraints.txt -e '.[export]'"
            )
        if device.type != "cpu":
            raise UsageError(f"backend {backend!r} runs on the CPU here; give --device cpu, or backend torch")
    if precision == "bf16-mixed":
        if backend == "onnx":
            raise UsageError("backend 'onnx' computes in float32; give --precision 32-true, or backend openvino")
        if backend == "openvino" and not has_bfloat16():
            raise UsageError("this processor has no bfloat16; give --precision 32-true")
    if backend == "onnx":
        return OnnxEngine(graph)
    if backend == "openvino":
        return OpenVinoEngine(graph, precision)
    return TorchEngine(graph, device, precision, compiled=backend == "compile")
