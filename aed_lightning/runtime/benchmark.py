"""The speed of a network: scoring clips, and a training step."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..core import DataError, UsageError
from ..core.clip import Clips, PastePlan, Reconstruction
from ..core.environment import has_bfloat16
from ..core.memory import freed_memory_returned
from ..data.finish import Finish
from ..model import AutoEncoder, head_loss, random_masks, teacher_loss
from .engines import Engine, build_engine
from .graph import ScoringGraph, network_inputs
from .timing import Timing, peak_rate, ratio, take_turns

BASELINE = "plain baseline"
"""In the memory that a program gets which asks for nothing, as research code does."""
BASELINE_KEEPING = "plain, memory kept"
"""With `keep_freed_memory`, as everything of ours."""
Parts = dict[str, dict[tuple[str, int], Timing]]
"""Timings by part, mode and batch size."""
TRAINING_BATCH = QUOTED_BATCH = 8


def load_baseline(file: Path) -> Callable[[AutoEncoder], nn.Module]:
    """`PlainNetwork` of a Python file, which is run. Raises DataError.

    It is made of our network and called with its inputs, (batch, 9, height, width), masks over all tokens and whether
    the student runs; it gives teacher, student or none, and class logit.
    """
    spec = importlib.util.spec_from_file_location("baseline", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise DataError(f"{file}: no Python file; give one that defines PlainNetwork")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[AutoEncoder], nn.Module] | None = getattr(module, "PlainNetwork", None)
    if found is None:
        raise DataError(f"{file}: defines no PlainNetwork; give a file that does")
    return found


def flops_per_frame(graph: ScoringGraph) -> int:
    """Floating-point operations of the network on one clip, a multiply-add as two; without norms and softmax."""
    frames, mask = graph.example(clips=1)
    # The counter does not know the fused attention of CPUs.
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        graph(frames, mask)
    return int(counter.get_total_flops())


def time_scoring(
    graph: ScoringGraph, modes: Sequence[str], batches: Sequence[int], *, rounds: int, device: torch.device,
    baseline: nn.Module | None = None,
) -> dict[tuple[str, int], Timing]:  # fmt: skip
    """Timings of scoring clips from bytes, by mode ("torch:32-true", a backend and a precision) and batch size.

    The baseline gets finished floats and computes no score.
    """
    found: dict[tuple[str, int], Timing] = {}
    engines = {mode: engine_of(mode, graph, device) for mode in modes}
    plain = None if baseline is None else baseline.to(device).eval().requires_grad_(False)
    for batch in batches:
        frames, mask = graph.example(clips=batch)
        work: dict[str, Callable[[], object]] = {}
        if plain is not None:
            arguments = (
                network_inputs(frames).to(device),
                _masks(graph.network.tokens, graph.mask_ratio, batch).to(device),
            )
            work |= _both_ways(torch.inference_mode()(partial(plain, *arguments, graph.with_student)))
        work |= {mode: partial(engine, frames, mask) for mode, engine in engines.items()}
        timings = take_turns(work, batch, rounds=rounds, device=device)
        for mode, engine in engines.items():
            if not mode.startswith(engine.backend):
                raise UsageError(f"mode {mode}: torch.compile does not work here; leave it out of --modes")
        found.update({(mode, batch): timing for mode, timing in timings.items()})
    return found


def time_training(
    network: AutoEncoder,
    batch: int,
    precisions: Sequence[str],
    *,
    rounds: int,
    device: torch.device,
    baseline: nn.Module | None = None,
) -> dict[str, Timing]:
    """Timings of a training step, by precision."""
    work: dict[str, Callable[[], object]] = {}
    if baseline is not None:
        work |= _both_ways(training_step(network, batch, precision="32-true", device=device, baseline=baseline))
    work |= {name: training_step(network, batch, precision=name, device=device) for name in precisions}
    return take_turns(work, batch, rounds=rounds, device=device)


def training_step(
    network: AutoEncoder, batch: int, *, precision: str, device: torch.device, baseline: nn.Module | None = None
) -> Callable[[], None]:
    """A step of the teacher's stage on noise, of `network` or of its baseline: forward, backward and optimizer."""
    model = (baseline or network).to(device).train().requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=True)
    clips = Finish(network.patch_size, network.patch_size)(_clips(network, batch).to(device))
    tokens = network.tokens if baseline else network.active_tokens
    masks = _masks(tokens, network.mask_ratio, batch).to(device)

    def forward() -> Reconstruction:
        found = model(clips.inputs, masks, False)
        return found if baseline is None else Reconstruction(found[0], None, masks, found[2], network.levels())

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            found = forward()
            loss = teacher_loss(clips, found, network.patch_size) + head_loss(clips, found)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def benchmark(
    graph: ScoringGraph,
    modes: Sequence[str],
    batches: Sequence[int],
    *,
    rounds: int,
    device: torch.device,
    build_baseline: Callable[[AutoEncoder], nn.Module] | None = None,
    training: bool = True,
    more: Parts | None = None,
) -> dict[str, Any]:
    """All of it, ready for JSON: `parameters`, `flops_per_frame`, `peak_gflops` by precision and `rows`.

    `over_baseline` are frames/s over those of the baseline, timed in the same turns, with their `spread`, by mode and
    batch size; `ratio_to_best_batch` is counted from the baseline at the batch size that suits it best. `ratios` and
    `spread` are the ones that are quoted: of scoring at the batch size next to 8, as it is ("torch:32-true") and in the
    best mode, and of the training step in its best precision. more: parts that were timed elsewhere.
    """
    network = graph.network
    flops = flops_per_frame(graph)
    types = {"32-true": torch.float32}
    if has_bfloat16(device.type):
        types["bf16-mixed"] = torch.bfloat16
    peaks = {name: peak_rate(device, dtype) for name, dtype in types.items()}
    baseline = None if build_baseline is None else build_baseline(network)
    scoring = time_scoring(graph, modes, batches, rounds=rounds, device=device, baseline=baseline)
    found: Parts = {"scoring": scoring}
    if training:
        baseline = None if build_baseline is None else build_baseline(network)
        steps = time_training(network, TRAINING_BATCH, list(types), rounds=rounds, device=device, baseline=baseline)
        found["training"] = {(mode, TRAINING_BATCH): timing for mode, timing in steps.items()}
    found |= more or {}
    lines = [line for part, timings in found.items() for line in _over_baseline(part, timings)]
    return {
        "parameters": sum(value.numel() for value in network.parameters()),
        "flops_per_frame": flops,
        "peak_gflops": {name: rate / 1e9 for name, rate in peaks.items()},
        "rows": [
            _row(part, mode, batch, timing, flops if part == "scoring" else None, peaks)
            for part, timings in found.items()
            for (mode, batch), timing in timings.items()
        ],
        "over_baseline": lines,
        **_quoted(lines, min(batches, key=lambda batch: abs(batch - QUOTED_BATCH)), device.type),
    }


def _row(
    part: str, mode: str, batch: int, timing: Timing, flops: int | None, peaks: dict[str, float]
) -> dict[str, Any]:
    """A line of the table.

    frames: that the latencies are of. spread: half the distance of the quartiles, as a share of the median.
    """
    return {
        "part": part,
        "mode": mode,
        "batch": batch,
        "frames_per_second": timing.rate,
        "spread": timing.spread,
        "frames": timing.frames,
        "p50_milliseconds": 1000 * timing.latency(50),
        "p99_milliseconds": 1000 * timing.latency(99),
        "share_of_peak": None
        if flops is None
        else timing.rate * flops / peaks.get(mode.rpartition(":")[2], peaks["32-true"]),
    }


def _over_baseline(part: str, timings: dict[tuple[str, int], Timing]) -> list[dict[str, Any]]:
    """Frames/s over the baseline's, where it was timed."""
    plain = {batch: timing for (mode, batch), timing in timings.items() if mode == BASELINE}
    if not plain:
        return []
    best = max(plain.values(), key=lambda timing: timing.rate)
    lines = []
    for (mode, batch), timing in timings.items():
        if mode != BASELINE:
            times, spread = ratio(plain[batch], timing)
            lines.append(
                {
                    "part": part,
                    "mode": mode,
                    "batch": batch,
                    "ratio": times,
                    "spread": spread,
                    "ratio_to_best_batch": timing.rate / best.rate,
                }
            )
    return lines


def _quoted(lines: list[dict[str, Any]], batch: int, device: str) -> dict[str, Any]:
    """`ratios` and `spread` by name."""
    ours = [line for line in lines if line["mode"] != BASELINE_KEEPING]
    scoring = [line for line in ours if line["part"] == "scoring" and line["batch"] == batch]
    plain = [line for line in scoring if line["mode"] == "torch:32-true"]
    training = [line for line in ours if line["part"] == "training"]
    ratios, spread = {}, {}
    for name, choice in ((f"{device}_fp32", plain), (f"{device}_best", scoring), ("train_step", training)):
        if choice:
            best = max(choice, key=lambda line: line["ratio"])
            ratios[name], spread[name] = best["ratio"], best["spread"]
            if choice is not training:
                ratios[f"{name}_vs_best_batch"] = best["ratio_to_best_batch"]
    return {"ratios": ratios, "spread": spread}


def _both_ways(plain: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """The work of the baseline, with memory as the C library gives it, and as ours gets it."""
    return {BASELINE: freed_memory_returned()(plain), BASELINE_KEEPING: plain}


def _masks(tokens: int, mask_ratio: float, clips: int) -> Tensor:
    """Random masks over so many tokens: the active ones, or, for the baseline, which computes every one, all."""
    numbers, visible = torch.arange(clips), int(tokens * (1 - mask_ratio))
    return random_masks(("noise",) * clips, numbers, 0 * numbers, tokens=tokens, visible=visible, seed=0)


def engine_of(mode: str, graph: ScoringGraph, device: torch.device) -> Engine:
    """The engine of "backend:precision". Raises UsageError."""
    backend, separator, precision = mode.partition(":")
    if not separator:
        raise UsageError(f"mode {mode}: give backend:precision, as {mode}:32-true")
    return build_engine(graph, backend=backend, device=device, precision=precision)


def _clips(network: AutoEncoder, number: int) -> Clips:
    """Noise, without anomalies."""
    height, width = network.rows * network.patch_size, network.columns * network.patch_size
    numbers = torch.arange(number)
    return Clips(
        frames=torch.randint(0, 256, (number, 3, 3, height, width), dtype=torch.uint8),
        motion=torch.randint(0, 256, (number, 3, network.rows, network.columns), dtype=torch.uint8),
        video=("noise",) * number, frame_index=numbers, epoch=0 * numbers, label=0 * numbers,
        pasted=(PastePlan(),) * number, mirrored=(False,) * number,
    )  # fmt: skip
