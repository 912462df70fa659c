from dataclasses import fields, replace

import torch
from torch import Tensor

from aed_lightning.core.clip import Batch, Levels, Reconstruction


def random_batch(size=(32, 64), patch=8, clips=4, seed=0, dtype=torch.float32) -> Batch:
    """Clips of noise; every second one carries a pasted square. Motion is positive, so that weights differ."""
    draw = torch.Generator().manual_seed(seed)
    height, width = size
    inputs = torch.rand(clips, 9, height, width, generator=draw, dtype=dtype) * 2 - 1
    anomaly_map = torch.zeros(clips, 1, height, width, dtype=dtype)
    anomaly_map[::2, :, 5:19, 7:22] = 1
    clean = torch.rand(clips, 3, height, width, generator=draw, dtype=dtype) * 2 - 1
    motion = torch.rand(clips, (height // patch) * (width // patch), generator=draw, dtype=dtype) * 100
    return Batch(
        inputs=inputs,
        target=torch.where(anomaly_map.bool(), clean, inputs[:, 3:6]),
        anomaly_map=anomaly_map,
        motion=motion,
        mean_motion=motion.mean(dim=1),
        token_weights=motion / motion.sum(dim=1, keepdim=True),
        video=tuple(f"video{seed}_{clip % 2}" for clip in range(clips)),
        frame_index=torch.arange(clips) + 10 * seed,
        epoch=torch.zeros(clips, dtype=torch.int64),
        label=anomaly_map.flatten(1).amax(dim=1).long(),
        pasted=anomaly_map.flatten(1).any(dim=1),
    )


def smooth_batch(size=(32, 64), patch=8, clips=8) -> Batch:
    """Clips of slow color waves, one phase and direction a clip; a bright square is pasted into every second one."""
    batch = random_batch(size, patch, clips)
    height, width = size
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width)[None] / width
    phase = torch.arange(clips)[:, None, None, None] + 2.0 * torch.arange(3)[None, :, None, None]
    target = 0.7 * torch.sin(phase + 3 * rows + (1 + phase / 4) * columns)
    dirty = torch.where(batch.anomaly_map.bool(), torch.tensor(1.0), target)
    return replace(batch, inputs=dirty.repeat(1, 3, 1, 1), target=target)


def picked(batch: Batch, clips: slice) -> Batch:
    """Some clips of a batch."""
    return Batch(**{field.name: getattr(batch, field.name)[clips] for field in fields(Batch)})


def joined(*batches: Batch) -> Batch:
    """The clips of several batches in one."""

    def join(values):
        return torch.cat(values) if isinstance(values[0], Tensor) else sum(values, ())

    return Batch(**{field.name: join([getattr(batch, field.name) for batch in batches]) for field in fields(Batch)})


def random_reconstruction(batch: Batch, patch=8, student=True, head=True, seed=5) -> Reconstruction:
    """Noise as the network's answer to a batch."""
    draw = torch.Generator().manual_seed(seed)
    clips, tokens = batch.token_weights.shape

    def output():
        return torch.randn(clips, tokens, patch * patch * 4, generator=draw, dtype=batch.inputs.dtype)

    return Reconstruction(
        teacher=output(),
        student=output() if student else None,
        mask=torch.rand(clips, tokens, generator=draw) < 0.5,
        class_logit=torch.randn(clips, generator=draw, dtype=batch.inputs.dtype) if head else None,
        levels=random_levels(tokens),
    )


def random_levels(tokens: int, seed=7) -> Levels:
    """What is normal, other at each token."""
    draw = torch.Generator().manual_seed(seed)

    def levels(*size: int):
        return torch.stack([torch.randn(size, generator=draw), torch.rand(size, generator=draw) + 0.5])

    return Levels(levels(tokens), levels(tokens), levels(tokens), levels())
