"""Whether the memory of a training process grows with the data set.

    python experiments/benchmarks/training_memory.py [--frames 2000] [--factor 10] [--json FILE]

Two stores, one with `factor` times the frames of the other, all bytes random; a fresh process each trains the same
number of steps over clips of the whole store. Reported is the largest anonymous memory (RssAnon), which leaves the page
cache of the mapped store out.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from record import record

SIZE, STEPS = (96, 160), 150


def write_videos(root: Path, frames: int) -> None:
    """A folder of noise videos of 200 frames each."""
    from aed_lightning.core.video_writer import VideoWriter

    random = np.random.default_rng(0)
    plane = random.integers(0, 256, (2 * SIZE[0], 2 * SIZE[1], 3), np.uint8)
    (root / "train").mkdir(parents=True)
    for video in range(frames // 200):
        with VideoWriter(root / "train" / f"{video:04d}.mp4", SIZE, 25) as writer:
            for _ in range(200):
                top, left = random.integers(0, SIZE[0]), random.integers(0, SIZE[1])
                writer.write(np.ascontiguousarray(plane[top : top + SIZE[0], left : left + SIZE[1]]))


def train(root: Path) -> float:
    """Train some steps on all of it; MiB of anonymous memory, the largest seen after the first steps."""
    import torch

    from aed_lightning.core.memory import keep_freed_memory
    from aed_lightning.data.module import DataModule
    from aed_lightning.model import AutoEncoder, head_loss, random_masks, teacher_loss

    torch.set_num_threads(1)
    keep_freed_memory()  # as every verb does
    module = DataModule(
        "noise", root=root, store=root / "store", frame_size=SIZE, patch_size=16, batch_size=8, holdout=1
    )
    module.prepare_data()
    network = AutoEncoder(SIZE, 16)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    largest, steps = 0.0, 0
    while True:
        for clips in module.train_dataloader():
            batch = module.finish(clips)
            mask = random_masks(
                batch.video, batch.frame_index, batch.epoch,
                tokens=network.active_tokens, visible=network.visible_tokens(network.mask_ratio), seed=0,
            )  # fmt: skip
            out = network(batch.inputs, mask, False)
            (teacher_loss(batch, out, 16) + head_loss(batch, out)).backward()
            optimizer.step()
            optimizer.zero_grad()
            steps += 1
            if steps > 20:
                largest = max(largest, anonymous_mib())
            if steps == STEPS:
                return largest


def anonymous_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--factor", type=int, default=10)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        print(train(options.train))
        return
    found = []
    for frames in (options.frames, options.factor * options.frames):
        with tempfile.TemporaryDirectory() as name:
            root = Path(name) / "data"
            write_videos(root, frames)
            # Prepared in a process of its own, so that both measured ones find the store ready.
            for _ in range(2):
                child = subprocess.run(
                    [sys.executable, __file__, "--train", str(root)], capture_output=True, text=True, check=True
                )
            found.append({"frames": frames, "anonymous_mib": float(child.stdout.split()[-1])})
    record(
        "training_memory", found[1]["anonymous_mib"] / found[0]["anonymous_mib"], found, bar=1.05,
        higher_is_better=False, file=options.json, steps=STEPS, threads_of_the_training=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
