"""Bytes become the batch that the network sees: on the device, in one place."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from ..core.clip import Batch, Clips, Sprites

ANOMALY_MOTION = 128.0
"""Gray levels that the anomaly map adds to the motion at least (docs/method.md, section 4)."""


@dataclass(frozen=True)
class Finish:
    """Normalize, paste, and weigh tokens by motion.

    patch_size: side of a token; a multiple of `cell`, the side of a cell of the stored motion, both in pixels.
    motion_weights: true: tokens weigh by their motion; false: all alike; a number: by so many powers of it.
    """

    patch_size: int
    cell: int
    motion_weights: bool | float = True

    def __call__(self, clips: Clips) -> Batch:
        frames = torch.empty(clips.frames.shape, device=clips.frames.device)
        anything = any(clips.pasted)
        target = torch.empty_like(frames[:, 1]) if anything else frames[:, 1]
        anomaly_map, decoy_map = maps = torch.zeros((2, *frames[:, 1, 0].shape), device=frames.device)
        # Clip by clip: on a CPU what one step leaves in the cache the next finds there.
        for number, plan in enumerate(clips.pasted):
            clip = frames[number].copy_(clips.frames[number])
            if plan.decoy is not None:
                _paste(clip, decoy_map[number], plan.decoy)
            if anything:
                _normalize(target[number].copy_(clip[1]))
            if plan.anomaly is not None:
                _paste(clip, anomaly_map[number], plan.anomaly)
            _normalize(clip)
            if clips.mirrored[number]:
                for pixels in (clip, *((target[number], anomaly_map[number], decoy_map[number]) if anything else ())):
                    pixels.copy_(pixels.flip(-1))
        anomalous, decoys = (
            functional.max_pool2d(maps, self.cell) if anything else maps[..., :: self.cell, :: self.cell]
        )
        if frames.shape[2] == 1:
            frames, target = frames.expand(-1, -1, 3, -1, -1), target.expand(-1, 3, -1, -1)
        cells = clips.motion
        if any(clips.mirrored):  # none are outside training
            mirrored = torch.tensor(clips.mirrored, device=cells.device).view(-1, 1, 1, 1)
            cells = torch.where(mirrored, cells.flip(-1), cells)
        motion = self._token_motion(cells, torch.maximum(anomalous, decoys).unsqueeze(1))
        return Batch(
            inputs=frames.flatten(1, 2),
            target=target,
            anomaly_map=anomaly_map.unsqueeze(1),
            motion=motion,
            mean_motion=clips.motion.float().mean(dim=(1, 2, 3)),
            token_weights=token_weights(motion ** float(self.motion_weights)),
            video=clips.video,
            frame_index=clips.frame_index,
            epoch=clips.epoch,
            label=clips.label,
            pasted=anomalous.flatten(1).any(dim=1),
        )

    def _token_motion(
        self, cells: UInt8[Tensor, "batch channels rows columns"], pasted: Float[Tensor, "batch 1 rows columns"]
    ) -> Float[Tensor, "batch tokens"]:
        """Equation 1 of the paper: the largest motion inside each patch, mean over the colors.

        Where something was pasted, at least the strongest motion of the clip is added.
        """
        motion = cells.float()
        strongest = motion.amax(dim=(1, 2, 3), keepdim=True).clamp(min=ANOMALY_MOTION)
        motion = motion + pasted * strongest
        return functional.max_pool2d(motion, self.patch_size // self.cell).mean(dim=1).flatten(1)


def token_weights(motion: Float[Tensor, "batch tokens"]) -> Float[Tensor, "batch tokens"]:
    """Equation 2 of the paper: motion as shares of one; equal shares where nothing moves."""
    total = motion.sum(dim=1, keepdim=True)
    return torch.where(total > 1e-6, motion / total.clamp(min=1e-6), 1 / motion.shape[1])


def _normalize(gray_levels: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """0 to 255 becomes -1 to 1, in place."""
    return gray_levels.div_(127.5).sub_(1)


def _paste(
    frames: Float[Tensor, "3 channels height width"], objects: Float[Tensor, "height width"], plan: Sprites
) -> None:
    """Blend the sprites into the frames, in gray levels and in place; `objects` is set where the middle one is more
    than half opaque."""
    for frame, sprite in zip(frames, plan, strict=True):
        image, alpha = (torch.from_numpy(part).to(frame.device).float() for part in (sprite.image, sprite.alpha))
        frame[:, *sprite.box].lerp_(image, alpha.div_(255))
    middle = plan[1]
    objects[middle.box] = torch.from_numpy(middle.alpha > 127).to(frames.device).float()
