from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from squares import FRAME_SIZE, TEST_LABELS, TRAIN_FRAMES

from aed_lightning.anomalies import ProceduralTraining
from aed_lightning.anomalies.pasting import RandomPasting
from aed_lightning.core.clip import Clip
from aed_lightning.data.clips import ClipDataset, ClipKey, View
from aed_lightning.data.module import PASTED, DataModule
from aed_lightning.data.store import Store, VideoRow


@pytest.fixture(scope="module")
def module(squares) -> DataModule:
    module = DataModule(
        "squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8, holdout=1, batch_size=8
    )
    module.prepare_data()
    return module


@pytest.fixture(scope="module")
def store(module: DataModule) -> Store:
    return module.store


def row(store: Store, split: str, name: str) -> VideoRow:
    return next(row for row in store.videos(split) if row.name == name)


def pasting(percentage: float, store: Store, seed: int = 0) -> RandomPasting:
    return RandomPasting(ProceduralTraining(), float(percentage), FRAME_SIZE, store.channels, seed)


def same_clip(first: Clip, second: Clip) -> bool:
    plans = [first.pasted.anomaly, second.pasted.anomaly]
    if None in plans:
        return plans == [None, None]
    return np.array_equal(first.frames, second.frames) and all(
        np.array_equal(one.image, other.image) and (one.top, one.left) == (other.top, other.left)
        for one, other in zip(*plans, strict=True)
    )


@pytest.mark.parametrize(
    ("middle", "neighbors"),
    [(0, (0, 0, 3)), (2, (2, 2, 5)), (3, (0, 3, 6)), (10, (7, 10, 13)), (24, (21, 24, 27)), (25, (22, 25, 25))],
)
def test_a_neighbor_that_does_not_exist_is_the_middle_frame(store: Store, middle: int, neighbors: tuple[int, ...]):
    walk = row(store, "train", "walk1")
    assert walk.frames == TRAIN_FRAMES
    clip = ClipDataset(store, [View("walk1", walk)], 3)[ClipKey(middle, 0)]
    assert np.array_equal(clip.frames, np.stack([store.frames(walk)[index] for index in neighbors]))


def test_every_frame_of_every_view_is_the_middle_of_one_clip_with_its_own_label_and_motion(store: Store):
    rows = store.videos("test")
    dataset = ClipDataset(store, [View(row.name, row) for row in rows], 3)
    clips = [dataset[ClipKey(index, 4)] for index in range(len(dataset))]
    expected = [(name, frame) for name, label in sorted(TEST_LABELS.items()) for frame in range(len(label))]
    assert [(clip.video, clip.frame_index) for clip in clips] == expected
    assert [clip.label for clip in clips] == [int(TEST_LABELS[name][frame]) for name, frame in expected]
    assert {clip.epoch for clip in clips} == {4}
    motion = {row.name: store.motion(row) for row in rows}
    for clip in clips:
        assert np.array_equal(clip.motion, motion[clip.video][clip.frame_index])
        assert clip.frames.dtype == clip.motion.dtype == np.uint8


def test_the_clip_of_a_frame_is_found_by_the_name_of_its_view(store: Store):
    dataset = ClipDataset(store, [View(row.name, row) for row in store.videos("test")], 3)
    for number in range(len(dataset)):
        clip = dataset[ClipKey(number, 0)]
        found = dataset.clip_of(clip.video, clip.frame_index)
        assert (found.video, found.frame_index) == (clip.video, clip.frame_index)
        assert same_clip(found, clip)


def test_a_video_without_labels_has_label_minus_one(store: Store):
    walk = row(store, "train", "walk1")
    assert ClipDataset(store, [View("walk1", walk)], 3)[ClipKey(5, 0)].label == -1


def test_kinds_of_a_view_are_those_of_the_store(store: Store, monkeypatch: pytest.MonkeyPatch):
    stop = row(store, "test", "stop")
    assert ClipDataset(store, [View("stop", stop)], 3).kinds("stop") is None
    names = [""] * 8 + ["stop"] * 7 + [""] * 5
    monkeypatch.setattr(store, "kinds", lambda asked: names if asked.name == "stop" else None)
    assert ClipDataset(store, [View("stop", stop)], 3).kinds("stop") == names


def test_the_kinds_of_a_view_with_pasted_events_are_their_grades(module: DataModule):
    dataset = module.val_dataloader().dataset
    clean, pasted = (dataset.kinds(name) for name in dataset.video_names)
    assert clean == [""] * TRAIN_FRAMES
    assert len(pasted) == TRAIN_FRAMES
    assert set(pasted) - {""} <= {"easy", "medium", "hard"}
    for index, kind in enumerate(pasted):
        assert bool(kind) == (dataset[ClipKey(TRAIN_FRAMES + index, 0)].pasted.anomaly is not None)


@pytest.mark.parametrize("percentage", [0, 25, 100])
def test_the_share_of_pasted_clips_is_the_percentage(store: Store, percentage: float):
    views = [View(row.name, row, pasting(percentage, store)) for row in store.videos("train")]
    dataset = ClipDataset(store, views, 3)
    clips = [dataset[ClipKey(index, epoch)] for epoch in range(5) for index in range(len(dataset))]
    share = np.mean([clip.pasted.anomaly is not None for clip in clips])
    deviation = np.sqrt(percentage * (100 - percentage) / len(clips)) / 100
    assert abs(share - percentage / 100) <= 4 * deviation


def test_pasting_is_a_function_of_seed_epoch_video_and_frame(store: Store):
    walk, other = store.videos("train")[:2]
    dataset = ClipDataset(store, [View(row.name, row, pasting(100, store)) for row in (walk, other)], 3)
    again = ClipDataset(store, [View(row.name, row, pasting(100, store)) for row in (other, walk)], 3)
    clip = dataset[ClipKey(9, 2)]
    for index in (3, 40, 11):
        again[ClipKey(index, 5)]
    assert same_clip(clip, again[ClipKey(other.frames + 9, 2)])
    others = [dataset[ClipKey(9, 3)], dataset[ClipKey(10, 2)], again[ClipKey(9, 2)]]
    reseeded = ClipDataset(store, [View(walk.name, walk, pasting(100, store, seed=1))], 3)[ClipKey(9, 2)]
    assert not any(same_clip(clip, different) for different in [*others, reseeded])


def test_pasting_leaves_the_stored_frames_and_motion_alone(store: Store):
    walk = store.videos("train")[0]
    with_pasting = ClipDataset(store, [View(walk.name, walk, pasting(100, store))], 3)[ClipKey(9, 0)]
    without = ClipDataset(store, [View(walk.name, walk)], 3)[ClipKey(9, 0)]
    assert with_pasting.pasted.anomaly is not None
    assert np.array_equal(with_pasting.frames, without.frames)
    assert np.array_equal(with_pasting.motion, without.motion)


def test_validation_shows_each_held_out_video_clean_and_pasted_with_labels_from_the_pasting(module: DataModule):
    dataset = module.val_dataloader().dataset
    held = [row.name for row in module.training_rows()[1]]
    assert dataset.video_names == [held[0], held[0] + PASTED]
    clips = [dataset[ClipKey(index, 0)] for index in range(len(dataset))]
    clean, pasted = clips[:TRAIN_FRAMES], clips[TRAIN_FRAMES:]
    assert {clip.label for clip in clean} == {0}
    assert not any(clip.pasted for clip in clean)
    assert {clip.label for clip in pasted} == {0, 1}
    for clip in pasted:
        visible = clip.pasted.anomaly is not None and (clip.pasted.anomaly[1].alpha.astype(int) > 127).sum() > 0
        assert clip.label == int(visible)


def test_copies_of_a_validation_video_show_other_events_at_the_same_times(squares):
    module = DataModule(
        "squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8, holdout=1,
        validation_copies=3,
    )  # fmt: skip
    dataset = module.val_dataloader().dataset
    held = module.training_rows()[1][0].name
    assert dataset.video_names == [held, held + PASTED, held + PASTED + "1", held + PASTED + "2"]
    first, second = (
        [dataset[ClipKey(copy * TRAIN_FRAMES + frame, 0)].pasted.anomaly for frame in range(TRAIN_FRAMES)]
        for copy in (1, 2)
    )
    assert [plan is None for plan in first] == [plan is None for plan in second]
    both = [(one[1], other[1]) for one, other in zip(first, second, strict=True) if one and other]
    assert any(not np.array_equal(one.image, other.image) for one, other in both)


def test_no_two_seeds_validate_with_the_same_events(squares):
    def events(seed: int) -> list[bytes]:
        module = DataModule(
            "squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8, holdout=1,
            validation_copies=3, seed=seed,
        )  # fmt: skip
        dataset = module.val_dataloader().dataset
        copies = [
            [dataset[ClipKey(copy * TRAIN_FRAMES + frame, 0)].pasted.anomaly for frame in range(TRAIN_FRAMES)]
            for copy in (1, 2, 3)
        ]
        return [b"".join(sprites[1].image.tobytes() for sprites in copy if sprites) for copy in copies]

    assert len({*events(0), *events(1), *events(2)}) == 9


def test_the_dataset_keeps_no_open_map_when_it_travels(store: Store, tmp_path: Path):
    import pickle

    walk = store.videos("train")[0]
    dataset = ClipDataset(store, [View(walk.name, walk, pasting(100, store))], 3)
    clip = dataset[ClipKey(9, 0)]
    message = pickle.dumps(dataset)
    assert len(message) < 20_000
    assert same_clip(pickle.loads(message)[ClipKey(9, 0)], clip)


def test_a_dataset_without_views_is_empty(store: Store):
    assert len(ClipDataset(store, [], 3)) == 0


def test_a_longer_offset_reaches_further(store: Store):
    walk = replace(store.videos("train")[0])
    clip = ClipDataset(store, [View(walk.name, walk)], 7)[ClipKey(12, 0)]
    assert np.array_equal(clip.frames, store.frames(walk)[[5, 12, 19]])
