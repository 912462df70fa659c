"""A scoring graph as a file that other programs run, and such files run: ONNX, OpenVINO, programs of `torch.export`.

Inputs: `frames`, uint8 (batch, 3, channels, height, width), and `mask`, bool (batch, masks, active tokens), true where
a token is hidden. Outputs: `values`, what the rule takes of each frame, and `map`, (batch, rows, columns), 0 normal to
1 anomalous.
"""

import importlib.util
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core import UsageError, atomic_path
from ..model.inference import for_inference
from .graph import ScoringGraph

OPSET = 20

TOLERANCE = 1e-4
"""Largest difference from PyTorch that is fine, as a share of the largest value."""

FORMATS = {".onnx": ("onnx", "onnxscript", "onnxruntime"), ".xml": ("onnx", "onnxscript", "openvino"), ".pt2": ()}
"""What a file's name ends with, and what writes and checks it: ONNX, OpenVINO (a .bin beside it), torch.export."""

PARTS = (8, 4, 2, 1)
"""Clips that OpenVINO computes at a time; more at once gain nothing on a CPU."""

Run = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Frames and mask to values and map, as `ScoringGraph.forward`."""


def export_program(graph: ScoringGraph) -> torch.export.ExportedProgram:
    """The graph as a program of `torch.export`, float32, for any number of clips."""
    graph = graph.of(for_inference(graph.network).cpu())
    batch = torch.export.Dim("batch", min=1, max=4096)
    with torch.no_grad():
        return torch.export.export(graph, graph.example(), dynamic_shapes={"frames": {0: batch}, "mask": {0: batch}})


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


def open_onnx(file: Path) -> Run:
    """A written graph in ONNX Runtime on the CPU, float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        values, heat = session.run(None, {"frames": frames.numpy(), "mask": mask.numpy()})
        return torch.from_numpy(values), torch.from_numpy(heat)

    return run


def open_openvino(file: Path, *, bfloat16: bool = False) -> Run:
    """A written graph, ONNX or OpenVINO's own, in OpenVINO on the CPU.

    Clips go through in parts of `PARTS`, for each of which the graph is compiled, in a quarter of a second: OpenVINO
    needs the number of clips to settle how data lies in memory, without it a third of the time goes into moving it.
    """
    import openvino

    options = {
        # Its own choice on processors with bfloat16 is bfloat16.
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = openvino.Core()
    model = core.read_model(str(file))
    compiled = {}
    for clips in PARTS:
        model.reshape({put.any_name: [clips, *put.partial_shape[1:]] for put in model.inputs})
        compiled[clips] = core.compile_model(model, "CPU", options)

    def run(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        sizes = _parts(len(frames))
        parts = zip(frames.split(sizes), mask.split(sizes), strict=True)
        found = [compiled[len(some)]([some.numpy(), hidden.numpy()]).to_tuple() for some, hidden in parts]
        values, heat = (torch.from_numpy(np.concatenate(outputs)) for outputs in zip(*found, strict=True))
        return values, heat

    return run


def _parts(clips: int) -> list[int]:
    """The fewest of `PARTS` that make so many."""
    sizes = []
    for size in PARTS:
        times, clips = divmod(clips, size)
        sizes += times * [size]
    return sizes


def refuse_missing(packages: Sequence[str], what: str) -> None:
    """Raise UsageError with what would install the packages that are not there."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{what} needs {', '.join(missing)}; install them with: pip install -c constraints.txt -e '.[export]'"
        )


def export(graph: ScoringGraph, file: Path) -> float:
    """Write the graph in the format that the file's name ends with, and run what was written on some clips of noise.

    Gives the largest difference from PyTorch, as a share of the largest value. Raises UsageError.
    """
    if file.suffix not in FORMATS:
        raise UsageError(f"{file}: give a name that ends with {', '.join(FORMATS)}")
    refuse_missing(FORMATS[file.suffix], file.suffix)
    if file.suffix == ".pt2":
        with atomic_path(file) as partial:
            torch.export.save(export_program(graph), partial)
        run: Run = torch.export.load(file).module()
    elif file.suffix == ".onnx":
        export_onnx(graph, file)
        run = open_onnx(file)
    else:
        _write_openvino(graph, file)
        run = _openvino_as_written(file)
    frames, mask = graph.example(clips=3)
    with torch.no_grad():
        expected, found = graph.of(for_inference(graph.network).cpu())(frames, mask), run(frames, mask)
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in zip(found, expected, strict=True))


def _write_openvino(graph: ScoringGraph, file: Path) -> None:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        export_onnx(graph, onnx := Path(folder) / "graph.onnx")
        openvino.save_model(openvino.Core().read_model(str(onnx)), onnx.with_suffix(".xml"), compress_to_fp16=False)
        for suffix in (".bin", ".xml"):
            with atomic_path(file.with_suffix(suffix)) as partial:
                shutil.copyfile(onnx.with_suffix(suffix), partial)


def _openvino_as_written(file: Path) -> Run:
    """For any number of clips, as other programs load it."""
    import openvino

    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        values, heat = compiled([frames.numpy(), mask.numpy()]).to_tuple()
        return torch.from_numpy(values), torch.from_numpy(heat)

    return run
