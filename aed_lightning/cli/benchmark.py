"""`benchmark`: how fast this machine scores and trains."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .help_text import wants_help
from .parser import Parser

if TYPE_CHECKING:
    import torch

    from ..runtime.benchmark import Parts
    from ..runtime.graph import ScoringGraph

HELP = """\
usage: python -m aed_lightning benchmark [options]

Time scoring and training on this machine: noise of the right size, no data needed.

what is timed:
  --weights RUN       run directory, checkpoint file, or name of weights that come with the package; without it an
                      untrained network of:
  --size H W          frame size (320 640)
  --patch N           patch size (16)
  --mask-ratio R      share of the tokens that are hidden (0.5)
  --active-ratio A    share of the tokens that are computed (1)

what else is timed:
  --source FILE       scoring this video from its file, and decoding it alone, which is the limit
  --loader CONFIG     loading the clips of this configuration's training (configs/toy.yaml), with its data in place
  --no-training       no training step

how:
  --modes M …         backend:precision; torch:32-true torch:bf16-mixed unless given; besides torch there are compile,
                      onnx and openvino
  --batch N …         clips at once (1 8 32)
  --rounds N          timings of each (10), in turns
  --device NAME       auto, cpu, cuda
  --baseline FILE     also time PlainNetwork of this Python file, and count ratios from it
                      (experiments/benchmarks/plain_network.py)
  --json FILE         write the figures there too"""


def run(arguments: Sequence[str]) -> int:
    """Time, print, write; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    options = _parse(arguments)
    from ..core import UsageError, write_json
    from ..core.environment import command, commit, has_bfloat16, processor_name
    from ..runtime.benchmark import benchmark, load_baseline
    from ..runtime.scorer import device_of

    if options.source and not options.source.is_file():
        raise UsageError(f"--source {options.source}: no such file; give a video")
    if min(options.batch) < 1 or options.rounds < 1:
        raise UsageError(f"--batch {' '.join(map(str, options.batch))}, --rounds {options.rounds}: give 1 or more")
    build_baseline = load_baseline(options.baseline) if options.baseline else None
    device, graph = device_of(options.device), _graph(options)
    modes = options.modes or [
        "torch:32-true",
        *(["torch:bf16-mixed"] if has_bfloat16(device.type) else []),
    ]
    found = benchmark(
        graph, modes, options.batch, rounds=options.rounds, device=device, training=options.training,
        more=_more(options, graph, modes, device),
        build_baseline=build_baseline,
    )  # fmt: skip
    _print(found)
    if options.json:
        import torch

        name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({processor_name()})"
        about = {"command": command(), "commit": commit(), "device": name, "threads": torch.get_num_threads()}
        write_json(options.json, {"name": "benchmark", **found, **about})
    return 0


def _more(options: argparse.Namespace, graph: "ScoringGraph", modes: Sequence[str], device: "torch.device") -> "Parts":
    """Timings of what is around the network, where they are asked for."""
    from ..data.opencv import one_thread
    from ..runtime.pipeline_rates import time_file, time_loading

    found: Parts = {}
    if options.source:
        one_thread()  # as `score` does
        found["file"] = time_file(
            options.source, graph, modes, rounds=options.rounds, device=device, batch=max(options.batch)
        )
    if options.loader:
        from .training import AedCLI

        cli = AedCLI(["--config", str(options.loader)], "benchmark")
        module = cli.datamodule
        module.batch_size = cli.config_init.teacher.batch_size
        module.prepare_data()
        found["loading"] = time_loading(module, rounds=10 * options.rounds)
    return found


def _graph(options: argparse.Namespace) -> "ScoringGraph":
    from ..model import AutoEncoder
    from ..runtime.graph import ScoringGraph
    from ..runtime.scorer import load_graph
    from ..scoring.rules import DefaultRule

    if options.weights:
        return load_graph(options.weights)[0]
    network = AutoEncoder(
        tuple(options.size), options.patch, mask_ratio=options.mask_ratio, active_ratio=options.active_ratio
    )
    return ScoringGraph(network.eval(), DefaultRule(discrepancy_weight=1.0), with_student=True, channels=3)


def _print(found: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.width = max(console.width, 132)  # of the table: a terminal can be made wider, a file has no width
    peaks = ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in found["peak_gflops"].items())
    console.print(
        f"{found['parameters']:,} parameters, {found['flops_per_frame'] / 1e9:.2f} GFLOP a frame; "
        f"products of matrices: {peaks}"
    )
    ratios = {(line["part"], line["mode"], line["batch"]): line for line in found["over_baseline"]}
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in (
        "",
        "mode",
        "batch",
        "frames/s",
        "spread",
        "p50",
        "p99",
        "of peak",
        "over baseline",
        "over its best",
    ):
        table.add_column(column, justify="left" if column in ("", "mode") else "right", no_wrap=True)
    for row in found["rows"]:
        line = ratios.get((row["part"], row["mode"], row["batch"]))
        share = row["share_of_peak"]
        latencies = ("p50_milliseconds", "p99_milliseconds")
        table.add_row(
            row["part"], row["mode"], str(row["batch"]), f"{row['frames_per_second']:.1f}", f"{row['spread']:.0%}",
            *(f"{row[name]:.1f} ms" if row["frames"] == row["batch"] else "" for name in latencies),
            "" if share is None else f"{share:.0%}",
            f"{line['ratio']:.2f} ± {line['ratio'] * line['spread']:.2f}" if line else "",
            f"{line['ratio_to_best_batch']:.2f}" if line else "",
        )  # fmt: skip
    console.print(table)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m aed_lightning benchmark", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    network = parser.add_argument_group()
    network.add_argument("--weights", type=Path)
    network.add_argument("--size", type=int, nargs=2, default=(320, 640))
    network.add_argument("--patch", type=int, default=16)
    network.add_argument("--mask-ratio", type=float, default=0.5)
    network.add_argument("--active-ratio", type=float, default=1.0)
    parser.add_argument("--modes", nargs="+")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--no-training", dest="training", action="store_false")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--loader", type=Path)
    return parser.parse_args(arguments)
