from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from squares import FRAME_SIZE, TRAIN_VIDEOS, write_squares, write_video

from aed_lightning.callbacks.collecting import FrameCollector
from aed_lightning.core import DataError, UsageError
from aed_lightning.core.clip import Batch
from aed_lightning.data.module import DataModule
from aed_lightning.data.sampling import ClipBatches
from aed_lightning.data.shards import Shard
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.stages import StageOptions, StudentStage


def module_of(root: Path, store: Path, **options) -> DataModule:
    module = DataModule(
        "squares",
        root=root,
        store=store,
        **{"frame_size": FRAME_SIZE, "patch_size": 8, "holdout": 1, "batch_size": 8, **options},
    )
    module.prepare_data()
    return module


@pytest.fixture
def module(squares) -> DataModule:
    return module_of(squares.root, squares.store)


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 8, 100])
def test_the_steps_of_an_epoch_are_those_that_every_process_makes(module: DataModule, processes: int, batch_size: int):
    module.batch_size = batch_size
    clips = len(module.train_dataloader().dataset)
    for rank in range(processes):
        batches = ClipBatches(clips, batch_size, shuffle=True, rank=rank, ranks=processes)
        assert module.train_batches(processes) == len(batches) == len(list(batches))
        assert module.train_batches(processes, 1) == module.train_batches(processes, 1 / len(batches)) == 1
        assert module.train_batches(processes, 10**6) == module.train_batches(processes, 1.0) == len(batches)


def names(rows) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize(("holdout", "held"), [(0, []), (1, [2]), (2, [1, 3]), (3, [0, 2, 3])])
def test_held_out_videos_are_spread_and_never_train(squares, holdout: int, held: list[int]):
    training, validation = module_of(squares.root, squares.store, holdout=holdout).training_rows()
    assert names(validation) == [f"walk{number + 1}" for number in held]
    assert sorted(names(training + validation)) == [f"walk{number + 1}" for number in range(TRAIN_VIDEOS)]
    assert not set(names(training)) & set(names(validation))


@pytest.mark.parametrize("videos", range(2, 40))
def test_the_right_number_is_held_out_of_any_number_of_videos(module: DataModule, videos: int, monkeypatch):
    row = module.store.videos("train")[0]
    monkeypatch.setattr(module.store, "videos", lambda split: [replace(row, name=f"v{n}") for n in range(videos)])
    for holdout in range(1, videos):
        module.holdout = holdout
        training, validation = module.training_rows()
        assert len(validation) == holdout
        assert len(training) == videos - holdout


def test_a_holdout_that_leaves_nothing_to_train_on_is_refused(squares):
    with pytest.raises(DataError, match=r"4 training videos, data.holdout 4 .* lower --data.holdout"):
        module_of(squares.root, squares.store, holdout=4).training_rows()


@pytest.mark.parametrize("share", ["augmentation", "decoy", "mirror"])
@pytest.mark.parametrize("percentage", [-1.0, 100.5])
def test_a_share_of_the_clips_that_is_no_percentage_is_refused(share: str, percentage: float):
    with pytest.raises(UsageError, match=rf"{share}_percentage {percentage} is not between 0 and 100"):
        DataModule("squares", **{f"{share}_percentage": percentage})


@pytest.mark.parametrize("percentage", [0.0, 50.0, 100.0])
def test_a_share_of_the_training_clips_and_no_others_are_mirrored_anew_in_each_epoch(squares, percentage: float):
    module = module_of(squares.root, squares.store, mirror_percentage=percentage)
    loader = module.train_dataloader()
    epochs = [[mirrored for clips in loader for mirrored in clips.mirrored] for _ in range(3)]
    assert np.mean(epochs) == pytest.approx(percentage / 100, abs=0.15)
    if percentage == 50:
        assert not np.array_equal(sorted(epochs[0]), epochs[0])
    for other in (module.val_dataloader(), module.normal_dataloader(), module.test_dataloader()):
        assert not any(mirrored for clips in other for mirrored in clips.mirrored)


def test_a_patch_that_is_no_multiple_of_the_cell_is_refused():
    with pytest.raises(UsageError, match=r"patch_size 10 is not a multiple of data.cell 4"):
        DataModule("squares", patch_size=10)


def test_test_videos_without_labels_are_refused_by_name_and_can_still_be_scored(tmp_path: Path):
    module = module_of(write_squares(tmp_path / "download", labels=False), tmp_path / "store")
    with pytest.raises(DataError, match=r"no labels for leap, stop; .*--evaluate false"):
        module.test_dataloader()
    labels = {label for batch in module.predict_dataloader() for label in batch.label.tolist()}
    assert labels == {-1}


def test_a_root_without_test_videos_is_refused_for_testing(tmp_path: Path):
    root = write_squares(tmp_path / "download", labels=False)
    for file in (root / "test").iterdir():
        file.unlink()
    (root / "test").rmdir()
    module = module_of(root, tmp_path / "store")
    with pytest.raises(DataError, match="no test videos"):
        module.test_dataloader()


def test_no_test_frame_is_trained_or_validated_on(module: DataModule):
    tested = set(module.test_dataloader().dataset.video_names)
    for loader in (module.train_dataloader(), module.val_dataloader()):
        assert not tested & set(loader.dataset.video_names)
        assert {view.row.split for view in loader.dataset.views} == {"train"}
    assert {view.row.split for view in module.test_dataloader().dataset.views} == {"test"}


def test_only_training_is_shuffled(module: DataModule):
    def first_frames(loader) -> list[int]:
        return next(iter(loader)).frame_index.tolist()

    assert first_frames(module.val_dataloader()) == first_frames(module.test_dataloader()) == list(range(8))
    assert first_frames(module.train_dataloader()) != list(range(8))


def test_the_number_of_batches_is_that_of_the_loader(squares):
    for batch_size in (1, 8, 27, 84, 85):
        module = module_of(squares.root, squares.store, batch_size=batch_size)
        assert module.train_batches() == len(module.train_dataloader()) == len(list(module.train_dataloader()))


def test_defaults_of_root_and_store_follow_the_name():
    module = DataModule("plaza")
    assert (module.root, module.store_path) == (Path("data/plaza"), Path("data/stores/plaza-320x640"))


def test_a_plain_trainer_runs_on_the_module(module: DataModule):
    class Probe(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.batches: list[Batch] = []

        def test_step(self, batch: Batch, index: int) -> None:
            self.batches.append(batch)

    probe = Probe()
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    trainer.test(probe, module, verbose=False)
    assert [name for batch in probe.batches for name in batch.video] == ["leap"] * 22 + ["stop"] * 20
    assert probe.batches[0].inputs.shape == (8, 9, *FRAME_SIZE)


def test_masks_and_scores_do_not_depend_on_workers_or_batch_size(squares):
    torch.manual_seed(0)
    network = AutoEncoder(FRAME_SIZE, 8, encoder_dim=32, encoder_depth=1, decoder_dim=16, teacher_depth=2, heads=2)
    stage = StudentStage(network, DefaultRule(), StageOptions()).eval()

    def masks_and_scores(**options) -> tuple[dict, np.ndarray]:
        module = module_of(squares.root, squares.store, **options)
        loader = module.test_dataloader()
        collector, masks = FrameCollector(stage.rule, loader.dataset.video_names), {}
        with torch.inference_mode():
            for clips in loader:
                batch = module.finish(clips)
                collector.add(batch, stage.frame_values(batch))
                rows = stage.reconstruct(batch, with_student=False).mask.numpy()
                masks |= {
                    (name, frame): row.tobytes()
                    for name, frame, row in zip(batch.video, batch.frame_index.tolist(), rows, strict=True)
                }
        collector.finish()
        return masks, np.concatenate([video.raw for video in collector.metrics["model"].videos()])

    masks, scores = masks_and_scores(batch_size=8)
    assert len(set(masks.values())) > 30
    for options in ({"batch_size": 1}, {"batch_size": 42}, {"batch_size": 5, "workers": 1}):
        other_masks, other_scores = masks_and_scores(**options)
        assert other_masks == masks
        np.testing.assert_allclose(other_scores, scores, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 5, 18, 30])
def test_validation_shows_both_classes_however_short_the_videos_are(tmp_path: Path, frames: int):
    for number in range(2):
        write_video(tmp_path / "data/train" / f"v{number}.avi", list(range(frames)), top=4)
    module = DataModule(
        "short", root=tmp_path / "data", store=tmp_path / "store", frame_size=(32, 64), patch_size=8, holdout=1
    )
    module.prepare_data()
    labels = torch.cat([clips.label for clips in module.val_dataloader()])
    assert set(labels.tolist()) == {0, 1}


@pytest.mark.parametrize("argument", ["cell", "clip_offset", "holdout", "workers", "pasted_objects"])
def test_numbers_that_cannot_be_negative_are_refused(argument: str):
    with pytest.raises(UsageError, match=rf"data\.{argument} -1: give"):
        DataModule("squares", **{argument: -1})


@pytest.mark.parametrize("power", [-0.5, np.inf, np.nan])
def test_a_power_of_motion_that_is_none_is_refused(power: float):
    with pytest.raises(UsageError, match=r"data.motion_weights .*: give true, false, or a power"):
        DataModule("squares", motion_weights=power)


def test_test_labels_of_one_class_are_refused_before_anything_is_trained(tmp_path: Path):
    root = write_squares(tmp_path / "data")
    for file in (root / "labels/frames").iterdir():
        np.save(file, np.zeros_like(np.load(file)))
    module = DataModule("squares", root=root, store=tmp_path / "store", frame_size=FRAME_SIZE, patch_size=8)
    module.prepare_data()
    with pytest.raises(DataError, match="0 of 42 test frames are anomalous"):
        module.test_rows()
    assert module.test_rows(labeled=False)


def test_a_store_that_is_read_is_not_prepared_anew_with_other_settings(tmp_path: Path):
    root, other = write_squares(tmp_path / "data"), {"frame_size": (32, 48)}
    reading = module_of(root, tmp_path / "store")
    beside = module_of(root, tmp_path / "store")
    frames = np.array(reading.store.frames(reading.training_rows()[0][0]))
    with pytest.raises(DataError, match=r"is being read by process .*; .* give another --data.store"):
        module_of(root, tmp_path / "store", **other)
    for file in ("test/stop.avi", "labels/frames/stop.npy"):
        (root / file).unlink()
    with pytest.raises(DataError, match="is being read by"):
        module_of(root, tmp_path / "store")
    with pytest.raises(DataError, match="is being read by"):
        DataModule("squares", root=root, store=tmp_path / "store", frame_size=FRAME_SIZE).prepare_shard(Shard(1, 1))
    assert np.array_equal(beside.store.frames(beside.training_rows()[0][0]), frames)
    del beside
    reading.prepare_data()  # its own lock is not in its way
    assert [row.name for row in reading.store.videos("test")] == ["leap"]
    assert deepcopy(reading).store.videos("test") == reading.store.videos("test")
    del reading
    assert module_of(root, tmp_path / "store", **other).store.frame_size == (32, 48)
