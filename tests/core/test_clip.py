from dataclasses import FrozenInstanceError

import jaxtyping
import numpy as np
import pytest
import torch

from aed_lightning.core.clip import CLIP_FRAMES, Clip, Clips, PastePlan, Sprite


def make_clip(frame_index: int = 5, height: int = 8, **fields) -> Clip:
    random = np.random.default_rng(frame_index)
    return Clip(
        frames=random.integers(0, 256, (CLIP_FRAMES, 3, height, 16), dtype=np.uint8),
        motion=random.integers(0, 256, (3, height // 4, 4), dtype=np.uint8),
        video=f"video {frame_index}",
        frame_index=frame_index,
        **fields,
    )


def make_plan() -> PastePlan:
    image, alpha = np.zeros((3, 2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    return PastePlan((Sprite(image, alpha, 0, 0), Sprite(image, alpha, 0, 1), Sprite(image, alpha, 0, 2)))


def test_stacking_keeps_every_field_in_order():
    plan = make_plan()
    clips = [make_clip(7, epoch=2, label=1, pasted=plan), make_clip(3), make_clip(9, label=0)]
    stacked = Clips.stack(clips)
    for position, clip in enumerate(clips):
        assert np.array_equal(stacked.frames[position].numpy(), clip.frames)
        assert np.array_equal(stacked.motion[position].numpy(), clip.motion)
    assert stacked.video == ("video 7", "video 3", "video 9")
    assert stacked.frame_index.tolist() == [7, 3, 9]
    assert stacked.epoch.tolist() == [2, 0, 0]
    assert stacked.label.tolist() == [1, -1, 0]
    assert stacked.pasted == (plan, PastePlan(), PastePlan())


def test_pixels_stay_bytes_and_ids_are_64_bit():
    stacked = Clips.stack([make_clip(), make_clip(2**40)])
    assert stacked.frames.dtype == stacked.motion.dtype == torch.uint8
    assert {stacked.frame_index.dtype, stacked.epoch.dtype, stacked.label.dtype} == {torch.int64}
    assert stacked.frame_index[1] == 2**40


def test_clips_of_different_sizes_cannot_be_stacked():
    with pytest.raises(ValueError, match="same shape"):
        Clips.stack([make_clip(height=8), make_clip(height=12)])


def test_moving_to_a_device_moves_pixels_and_leaves_ids_where_masks_are_drawn():
    moved = Clips.stack([make_clip(4, label=1)]).to("meta")
    assert moved.frames.device.type == moved.motion.device.type == "meta"
    assert moved.frame_index.device.type == moved.epoch.device.type == "cpu"
    assert moved.video == ("video 4",)
    assert moved.label.tolist() == [1]


def test_a_clip_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        make_clip().label = 1


@pytest.mark.parametrize(
    "frames",
    [np.zeros((2, 3, 8, 16), np.uint8), np.zeros((3, 3, 8, 16), np.float32), np.zeros((3, 8, 16), np.uint8)],
    ids=["two frames", "floats", "no channels"],
)
def test_the_test_run_enforces_the_shapes_in_the_types(frames):
    with pytest.raises(jaxtyping.TypeCheckError):
        Clip(frames=frames, motion=np.zeros((3, 2, 4), np.uint8), video="v", frame_index=0)
