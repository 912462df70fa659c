"""A scoring graph as a file that other programs run: ONNX or a program of `torch.export`.

Inputs: `frames`, uint8 (batch, 3, channels, height, width), and `mask`, bool (batch, active tokens), true where a token
is hidden. Outputs: `values`, what the rule takes of each frame, and `map`, (batch, rows, columns), 0 normal to 1
anomalous.
"""

import logging
import warnings
from pathlib import Path

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from ..core import atomic_path
from ..model.inference import for_inference
from .graph import ScoringGraph

OPSET = 20


def example_clips(
    graph: ScoringGraph, clips: int = 2
) -> tuple[UInt8[Tensor, "batch 3 channels height width"], Bool[Tensor, "batch active"]]:
    """Noise in the shape that `graph` takes; the first active tokens are visible."""
    network = graph.network
    size = (network.rows * network.patch_size, network.columns * network.patch_size)
    frames = torch.randint(0, 256, (clips, 3, graph.channels, *size), dtype=torch.uint8)
    mask = torch.ones(clips, network.active_tokens, dtype=torch.bool)
    mask[:, : graph.visible] = False
    return frames, mask


def export_program(graph: ScoringGraph) -> torch.export.ExportedProgram:
    """The graph as a program of `torch.export`, float32, for any number of clips."""
    graph = graph.of(for_inference(graph.network).cpu())
    batch = torch.export.Dim("batch", min=1, max=4096)
    with torch.no_grad():
        return torch.export.export(
            graph, example_clips(graph), dynamic_shapes={"frames": {0: batch}, "mask": {0: batch}}
        )


def export_onnx(graph: ScoringGraph, file: Path) -> None:
    """Write the graph as ONNX, weights inside."""
    quiet = logging.getLogger("torch.onnx")
    before = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), atomic_path(file) as partial:
            warnings.simplefilter("ignore")  # of the exporter's own parts, which a user cannot change
            torch.onnx.export(
                export_program(graph), f=partial, input_names=["frames", "mask"],
                output_names=["values", "map"], opset_version=OPSET, external_data=False, verbose=False,
            )  # fmt: skip
    finally:
        quiet.setLevel(before)
