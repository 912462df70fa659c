"""How many times faster a training step is when only the tokens with motion are computed.

    python experiments/benchmarks/active_tokens.py [--rounds 10] [--json FILE]

A step of 8 clips of noise, teacher stage, bfloat16, forward, backward and optimizer, at Ped2's sizes; the networks take
turns.
"""

import argparse
from pathlib import Path

import torch
from record import record

from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.model import AutoEncoder
from aed_lightning.runtime.benchmark import training_step
from aed_lightning.runtime.timing import ratio, take_turns

SETTINGS = (((192, 288), 1.0), ((192, 288), 0.3), ((240, 360), 1.0), ((240, 360), 0.3))
PATCH, CLIPS = 8, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    keep_freed_memory()  # as every verb does
    cpu, work = torch.device("cpu"), {}
    for size, active in SETTINGS:
        network = AutoEncoder(size, PATCH, mask_ratio=0.25, active_ratio=active, dropout=0.0)
        name = f"{size[0]}x{size[1]}, {active:g} active"
        work[name] = training_step(network, CLIPS, precision="bf16-mixed", device=cpu)
    timings = take_turns(work, CLIPS, rounds=arguments.rounds, device=cpu)
    whole, part, _, native = timings.values()
    samples = [
        dict(zip(timings, row, strict=True)) for row in zip(*(one.seconds for one in timings.values()), strict=True)
    ]
    record(
        "a training step with all tokens over one with 0.3 of them, 192x288", ratio(whole, part)[0], samples,
        bar=2.5, higher_is_better=True, file=arguments.json, native_over_small=round(ratio(whole, native)[0], 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
