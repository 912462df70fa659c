"""How far the gradients of several processes are from those of one, where BatchNorm trains without sync_batchnorm.

    python experiments/batch_norm_in_parts.py CONFIG [OPTIONS of fit]

The clips of one step of CONFIG's teacher, in one process, in 2 and in 4: each part is normalized by its own statistics,
and the gradients are averaged, as DDP does. Printed is the distance of all gradients as one vector from those of one
process, relative to their length, for the mean of three steps; below it, for comparison, the same with BatchNorm at
rest, and the distance between the gradients of one step and the next.
"""

import itertools
import sys
from dataclasses import fields

import torch

from aed_lightning.cli.fit import parse
from aed_lightning.core.clip import Batch
from aed_lightning.model import head_loss, reconstruct, teacher_loss

STEPS, PARTS = 3, (2, 4)


def gradients(network: torch.nn.Module, batch: Batch, parts: int, seed: int) -> torch.Tensor:
    """Of the teacher's loss, averaged over the parts of the batch, as one vector."""
    network.zero_grad()
    for part in range(parts):
        own = Batch(**{field.name: getattr(batch, field.name)[part::parts] for field in fields(Batch)})
        found = reconstruct(network, own, seed=seed, with_student=False, mask_ratio=None)
        (teacher_loss(own, found, network.patch_size) + head_loss(own, found)).div(parts).backward()
    return torch.cat([value.grad.flatten() for value in network.parameters() if value.grad is not None]).double()


def main() -> None:
    cli = parse(["--config", *sys.argv[1:]])
    cli.datamodule.batch_size = cli.config.teacher.batch_size
    cli.datamodule.prepare_data()
    loader = iter(cli.datamodule.train_dataloader())
    batches = [cli.datamodule.finish(next(loader)) for _ in range(STEPS)]
    torch.manual_seed(cli.seed)
    network = cli.network
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for trains in (True, False):
        network.train(trains)
        whole = [gradients(network, batch, 1, cli.seed) for batch in batches]
        for parts in PARTS:
            apart = [gradients(network, batch, parts, cli.seed) for batch in batches]
            distance = sum(float((a - w).norm() / w.norm()) for a, w in zip(apart, whole, strict=True)) / STEPS
            print(f"BatchNorm {'trains' if trains else 'rests '}  {parts} processes  {distance:.1e}")
        if trains:
            steps = itertools.pairwise(whole)
            between = sum(float((b - a).norm() / a.norm()) for a, b in steps) / (STEPS - 1)
    print(f"one step to the next, one process  {between:.1e}")


if __name__ == "__main__":
    main()
