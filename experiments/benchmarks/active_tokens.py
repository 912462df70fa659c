"""How many times faster a training step is when only the tokens with motion are computed.

    python experiments/benchmarks/active_tokens.py [--rounds 10] [--json FILE]

A step of 8 clips of noise, teacher stage, bfloat16, forward, backward and optimizer, at Ped2's sizes; the networks take
turns.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from record import record

SETTINGS = (((192, 288), 1.0), ((192, 288), 0.3), ((240, 360), 1.0), ((240, 360), 0.3))
PATCH, CLIPS = 8, 8


class Step:
    """A network, its optimizer and a batch of noise."""

    def __init__(self, size: tuple[int, int], active_ratio: float) -> None:
        from aed_lightning.core.clip import Clips, PastePlan
        from aed_lightning.data.finish import Finish
        from aed_lightning.model import AutoEncoder

        self.network = AutoEncoder(size, PATCH, mask_ratio=0.25, active_ratio=active_ratio, dropout=0.0)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, foreach=True)
        numbers, height, width = torch.arange(CLIPS), *size
        self.batch = Finish(PATCH, 4)(
            Clips(
                frames=torch.randint(0, 256, (CLIPS, 3, 1, height, width), dtype=torch.uint8),
                motion=torch.randint(0, 256, (CLIPS, 1, height // 4, width // 4), dtype=torch.uint8),
                video=("noise",) * CLIPS, frame_index=numbers, epoch=0 * numbers, label=0 * numbers,
                pasted=(PastePlan(),) * CLIPS,
            )
        )  # fmt: skip

    def seconds(self) -> float:
        from aed_lightning.model import head_loss, map_loss, reconstruct, teacher_loss

        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            found = reconstruct(self.network, self.batch, seed=0, with_student=False)
            loss = teacher_loss(self.batch, found, PATCH) + map_loss(self.batch, found, PATCH)
            loss = loss + head_loss(self.batch, found)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    from aed_lightning.core.memory import keep_freed_memory

    keep_freed_memory()  # as every verb does
    steps = [Step(*setting) for setting in SETTINGS]
    for step in steps:
        step.seconds()
    names = [f"{height}x{width}, {ratio:g} active" for (height, width), ratio in SETTINGS]
    samples = [{name: step.seconds() for name, step in zip(names, steps, strict=True)} for _ in range(arguments.rounds)]
    ratio = float(np.median([sample[names[0]] / sample[names[1]] for sample in samples]))
    record(
        "a training step with all tokens over one with 0.3 of them, 192x288", ratio, samples,
        bar=2.5, higher_is_better=True, file=arguments.json,
        native_over_small=round(float(np.median([sample[names[0]] / sample[names[3]] for sample in samples])), 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
