"""What whole-or-absent checkpoints and the stateful order of clips cost a training, beside Lightning's own.

    python experiments/benchmarks/checkpoint_overhead.py [--clips 2000] [--rounds 6] [--json FILE]

One training of the teacher at 96x160 on random bytes, one thread. At its end, in turns: our checkpoint (SHA-256,
fsync, the one before kept) and the Trainer's own; our callback after a step, which Lightning has no counterpart of; the
order of an epoch by `ClipBatches` and by torch's samplers. What ours take more is counted per epoch, one checkpoint and
all steps, and compared with the seconds of its steps.
"""

import aed_lightning  # noqa: F401, I001  first, so that the torchvision guard is in place before lightning

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import lightning.pytorch as L
import torch
from record import record
from torch.utils.data import BatchSampler, RandomSampler
from training_memory import SIZE, write_videos

from aed_lightning.callbacks import StageCheckpoints
from aed_lightning.core import RunPaths
from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.data.module import DataModule
from aed_lightning.data.sampling import ClipBatches
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.stages import TeacherOptions, TeacherStage

STEPS, BATCH, CALLS = 12, 32, 50


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Measure(L.Callback):
    """Times the steps, and at the end of the training the two ways of everything else, in turns."""

    def __init__(self, ours: StageCheckpoints, clips: int, rounds: int) -> None:
        self.ours, self.clips, self.rounds = ours, clips, rounds
        self.ends: list[float] = []
        self.samples: list[dict[str, float]] = []
        self._last: tuple[Any, ...] = ()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        self.ends.append(time.perf_counter())
        self._last = rest

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        steps = [after - before for before, after in zip(self.ends[3:], self.ends[4:], strict=False)]
        lightning_file = self.ours.paths.root / "lightning.ckpt"
        own_order = ClipBatches(self.clips, BATCH, shuffle=True)
        torch_order = BatchSampler(RandomSampler(range(self.clips)), BATCH, drop_last=False)

        def after_steps() -> None:
            for _ in range(CALLS):
                self.ours.on_train_batch_end(trainer, pl_module, *self._last)

        for _ in range(self.rounds):
            self.samples.append(
                {
                    "step_ms": 1e3 * median(steps),
                    "own_checkpoint_ms": 1e3 * seconds_of(lambda: self.ours.on_train_epoch_end(trainer, pl_module)),
                    "lightning_checkpoint_ms": 1e3 * seconds_of(lambda: trainer.save_checkpoint(lightning_file)),
                    "callback_ms": 1e3 * seconds_of(after_steps) / CALLS,
                    "own_order_ms": 1e3 * seconds_of(lambda: list(own_order)),
                    "torch_order_ms": 1e3 * seconds_of(lambda: list(torch_order)),
                }
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000, help="of the epoch that all is compared with")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        write_videos(root, 400)
        data = DataModule("noise", root=root, store=Path(name) / "store", frame_size=SIZE, batch_size=BATCH, holdout=0)
        data.prepare_data()
        stage = TeacherStage(AutoEncoder(SIZE, 16), DefaultRule(), TeacherOptions(batch_size=BATCH))
        measure = Measure(StageCheckpoints(RunPaths(Path(name) / "run")), options.clips, options.rounds)
        trainer = L.Trainer(
            accelerator="cpu", max_steps=STEPS, callbacks=[measure], logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0, default_root_dir=name,
        )  # fmt: skip
        trainer.fit(stage, data)
        megabytes = (Path(name) / "run" / "lightning.ckpt").stat().st_size / 1e6
    middle = {key: median(sample[key] for sample in measure.samples) for key in measure.samples[0]}
    steps = -(-options.clips // BATCH)
    more = (
        middle["own_checkpoint_ms"] - middle["lightning_checkpoint_ms"]
        + middle["own_order_ms"] - middle["torch_order_ms"]
        + steps * middle["callback_ms"]
    )  # fmt: skip
    record(
        "checkpoint_overhead", 1 + more / (steps * middle["step_ms"]), measure.samples, bar=1.01,
        higher_is_better=False, file=options.json, clips=options.clips, batch_size=BATCH, steps=steps,
        checkpoint_mb=round(megabytes, 1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
