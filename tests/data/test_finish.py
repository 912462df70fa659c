from dataclasses import replace

import numpy as np
import pytest
import torch

from aed_lightning.core.clip import Clip, Clips, PastePlan, Sprite, Sprites
from aed_lightning.data.finish import Finish, token_weights
from aed_lightning.data.motion import motion_maxima

HEIGHT, WIDTH, CELL, PATCH = 16, 24, 4, 8


def sprite(top: int, left: int, height: int, width: int, channels: int, seed: int) -> Sprite:
    numbers = np.random.default_rng(seed)
    return Sprite(
        numbers.integers(0, 256, (channels, height, width), dtype=np.uint8),
        numbers.integers(0, 256, (height, width), dtype=np.uint8),
        top,
        left,
    )


def random_clip(
    channels: int = 3, pasted: bool = False, seed: int = 0, strongest: int = 60, decoyed: bool = False
) -> Clip:
    numbers = np.random.default_rng(seed)
    anomaly = (
        sprite(1, 2, 5, 7, channels, seed + 1),
        sprite(3, 9, 6, 5, channels, seed + 2),
        sprite(0, 0, 0, 0, channels, seed + 3),
    )
    decoy = tuple(sprite(5, left, 9, 8, channels, seed + 4 + left) for left in (8, 7, 6))
    return Clip(
        frames=numbers.integers(0, 256, (3, channels, HEIGHT, WIDTH), dtype=np.uint8),
        motion=numbers.integers(0, strongest + 1, (channels, HEIGHT // CELL, WIDTH // CELL), dtype=np.uint8),
        video=f"video{seed}",
        frame_index=seed,
        epoch=2,
        label=seed % 2,
        pasted=PastePlan(anomaly if pasted else None, decoy if decoyed else None),
    )


def paste_by_hand(frames: np.ndarray, sprites: Sprites | None) -> np.ndarray:
    objects = np.zeros((HEIGHT, WIDTH))
    for number, piece in enumerate(sprites or ()):
        for y in range(piece.alpha.shape[0]):
            for x in range(piece.alpha.shape[1]):
                share = piece.alpha[y, x] / 255
                at = (slice(None), piece.top + y, piece.left + x)
                frames[number][at] = (1 - share) * frames[number][at] + share * piece.image[:, y, x]
                if number == 1:
                    objects[piece.top + y, piece.left + x] = share > 0.5
    return objects


def by_hand(clip: Clip) -> dict[str, np.ndarray]:
    frames = clip.frames.astype(np.float64)
    decoy_map = paste_by_hand(frames, clip.pasted.decoy)
    target = frames[1].copy()
    anomaly_map = paste_by_hand(frames, clip.pasted.anomaly)
    objects = np.maximum(decoy_map, anomaly_map)
    motion = np.zeros((HEIGHT // PATCH, WIDTH // PATCH))
    boost = max(128, int(clip.motion.max()))
    for row in range(HEIGHT // PATCH):
        for column in range(WIDTH // PATCH):
            largest = []
            for channel in clip.motion:
                values = []
                for y in range(row * PATCH, (row + 1) * PATCH):
                    for x in range(column * PATCH, (column + 1) * PATCH):
                        values.append(float(channel[y // CELL, x // CELL]))
                cells = np.array(values).reshape(PATCH, PATCH)
                area = objects[row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
                for y in range(0, PATCH, CELL):
                    for x in range(0, PATCH, CELL):
                        if area[y : y + CELL, x : x + CELL].any():
                            cells[y : y + CELL, x : x + CELL] += boost
                largest.append(cells.max())
            motion[row, column] = np.mean(largest)
    if frames.shape[1] == 1:
        frames, target = frames.repeat(3, axis=1), target.repeat(3, axis=0)
    return {
        "inputs": (frames / 255 * 2 - 1).reshape(9, HEIGHT, WIDTH),
        "target": target / 255 * 2 - 1,
        "anomaly_map": anomaly_map[None],
        "motion": motion.ravel(),
        "mean_motion": clip.motion.mean(),
        "token_weights": motion.ravel() / motion.sum(),
    }


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strongest", [60, 250])
def test_the_batch_is_that_of_a_plain_loop(channels: int, strongest: int):
    clips = [random_clip(channels, seed % 2 == 1, seed, strongest, decoyed=seed > 1) for seed in range(4)]
    batch = Finish(PATCH, CELL)(Clips.stack(clips))
    for number, clip in enumerate(clips):
        for name, expected in by_hand(clip).items():
            np.testing.assert_allclose(getattr(batch, name)[number].numpy(), expected, atol=2e-5, err_msg=name)


def test_a_mirrored_clip_is_the_mirror_image_of_the_finished_clip():
    clips = [random_clip(pasted=seed % 2 == 1, seed=seed, decoyed=seed > 1) for seed in range(4)]
    for some in (clips, clips[:1]):
        batch = Finish(PATCH, CELL)(Clips.stack(some))
        mirrored = Finish(PATCH, CELL)(Clips.stack([replace(clip, mirrored=True) for clip in some]))
        for name in ("inputs", "target", "anomaly_map"):
            assert torch.equal(getattr(mirrored, name), getattr(batch, name).flip(-1)), name
        for name in ("motion", "token_weights"):
            grid = getattr(batch, name).unflatten(1, (HEIGHT // PATCH, WIDTH // PATCH))
            torch.testing.assert_close(getattr(mirrored, name), grid.flip(-1).flatten(1), msg=name)
        assert torch.equal(mirrored.mean_motion, batch.mean_motion)


@pytest.mark.parametrize("patch", [4, 8, 16])
def test_motion_from_stored_cells_is_the_motion_of_the_frames_for_every_patch(patch: int):
    frames = np.random.default_rng(3).integers(0, 256, (5, 3, 32, 48), dtype=np.uint8)
    difference = np.abs(frames[3].astype(int) - frames[1])
    direct = difference.reshape(3, 32 // patch, patch, 48 // patch, patch).max(axis=(2, 4)).mean(axis=0)
    clip = Clip(frames=frames[1:4], motion=motion_maxima(frames, 4)[2], video="walk", frame_index=2)
    np.testing.assert_array_equal(
        Finish(patch, 4)(Clips.stack([clip])).motion[0].numpy(), direct.astype(np.float32).ravel()
    )


def test_without_motion_weights_all_tokens_weigh_alike_and_the_motion_stays():
    clips = Clips.stack([random_clip(pasted=True)])
    plain, weighted = Finish(PATCH, CELL, motion_weights=False)(clips), Finish(PATCH, CELL)(clips)
    torch.testing.assert_close(plain.token_weights, torch.full_like(plain.token_weights, 1 / 6))
    assert torch.equal(plain.motion, weighted.motion)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_tokens_weigh_by_a_power_of_their_motion(power: float):
    clips = Clips.stack([random_clip(pasted=True)])
    batch = Finish(PATCH, CELL, motion_weights=power)(clips)
    expected = batch.motion.double() ** power
    torch.testing.assert_close(batch.token_weights.double(), expected / expected.sum(), rtol=1e-5, atol=1e-7)
    assert (power == 1) == torch.equal(batch.token_weights, Finish(PATCH, CELL)(clips).token_weights)


def test_the_ids_and_labels_pass_through_and_pasted_says_whether_an_anomaly_shows():
    clips = [random_clip(pasted=seed == 1, seed=seed, decoyed=seed == 2) for seed in range(3)]
    invisible = replace(clips[2], pasted=PastePlan(anomaly=tuple(sprite(0, 0, 0, 0, 3, 9) for _ in range(3))))
    batch = Finish(PATCH, CELL)(Clips.stack([*clips, invisible]))
    assert batch.video == ("video0", "video1", "video2", "video2")
    assert batch.frame_index.tolist() == [0, 1, 2, 2]
    assert batch.epoch.tolist() == [2, 2, 2, 2]
    assert batch.label.tolist() == [0, 1, 0, 0]
    assert batch.pasted.tolist() == [False, True, False, False]


def test_the_target_stays_clean_and_the_inputs_do_not():
    clean, pasted = random_clip(seed=5), random_clip(seed=5, pasted=True)
    batch = Finish(PATCH, CELL)(Clips.stack([clean, pasted]))
    assert torch.equal(batch.target[0], batch.target[1])
    assert torch.equal(batch.inputs[0, 3:6], batch.target[0])
    assert not torch.equal(batch.inputs[1, 3:6], batch.target[1])


def test_a_decoy_is_part_of_the_target_and_no_anomaly():
    clean, decoyed = random_clip(seed=5), random_clip(seed=5, decoyed=True)
    batch = Finish(PATCH, CELL)(Clips.stack([clean, decoyed]))
    assert torch.equal(batch.inputs[1, 3:6], batch.target[1])
    assert not torch.equal(batch.target[0], batch.target[1])
    assert not batch.anomaly_map.any()


@pytest.mark.parametrize(("alpha", "anomalous"), [(127, 0.0), (128, 1.0), (255, 1.0)])
def test_the_map_is_set_where_the_sprite_is_more_than_half_opaque(alpha: int, anomalous: float):
    piece = Sprite(np.full((3, 2, 2), 255, np.uint8), np.full((2, 2), alpha, np.uint8), 4, 6)
    batch = Finish(PATCH, CELL)(Clips.stack([replace(random_clip(), pasted=PastePlan(anomaly=(piece, piece, piece)))]))
    expected = np.zeros((HEIGHT, WIDTH))
    expected[4:6, 6:8] = anomalous
    np.testing.assert_array_equal(batch.anomaly_map[0, 0].numpy(), expected)


def test_bytes_span_minus_one_to_one():
    clip = random_clip()
    clip.frames[0], clip.frames[1] = 0, 255
    inputs = Finish(PATCH, CELL)(Clips.stack([clip])).inputs[0]
    assert inputs[:3].unique().tolist() == [-1.0]
    assert inputs[3:6].unique().tolist() == [1.0]


def test_the_clips_are_not_changed():
    clips = Clips.stack([random_clip(pasted=True)])
    frames, motion = clips.frames.clone(), clips.motion.clone()
    Finish(PATCH, CELL)(clips)
    assert torch.equal(clips.frames, frames)
    assert torch.equal(clips.motion, motion)


def test_weights_sum_to_one_and_are_uniform_where_nothing_moves():
    motion = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 3.0, 0.0, 4.0], [0.0, 0.0, 255.0, 0.0]])
    weights = token_weights(motion)
    assert weights.tolist() == [[0.25, 0.25, 0.25, 0.25], [0.125, 0.375, 0.0, 0.5], [0.0, 0.0, 1.0, 0.0]]
    still = replace(random_clip(), motion=np.zeros((3, HEIGHT // CELL, WIDTH // CELL), np.uint8))
    assert Finish(PATCH, CELL)(Clips.stack([still])).token_weights.unique().tolist() == pytest.approx([1 / 6])
