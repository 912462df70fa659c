from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from squares import FRAME_SIZE

from aed_lightning.anomalies import SelfCut
from aed_lightning.core.clip import Batch
from aed_lightning.data.module import DataModule
from aed_lightning.data.preview import LOOPS, ShownClip, training_clips, write_preview


def module_of(squares, **options) -> DataModule:
    module = DataModule(
        "squares",
        root=squares.root,
        **{
            "store": squares.store,
            "frame_size": FRAME_SIZE,
            "patch_size": 8,
            "holdout": 1,
            "batch_size": 8,
            "augmentation_percentage": 50.0,
        }
        | options,
    )
    module.prepare_data()
    return module


def first_batches(module: DataModule, batches: int) -> list[Batch]:
    loader = iter(module.train_dataloader())
    return [module.finish(next(loader)) for _ in range(batches)]


def picture(frame: torch.Tensor) -> np.ndarray:
    return np.rint((frame.numpy().astype(np.float64) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)


def test_the_preview_shows_the_first_clips_of_training_to_the_pixel(squares):
    module = module_of(squares)
    shown = list(training_clips(module, 12))
    batches = first_batches(module_of(squares), 2)
    expected = [(batch, clip) for batch in batches for clip in range(8)][:12]
    assert len(shown) == 12
    for clip, (batch, number) in zip(shown, expected, strict=True):
        name = f"{batch.video[number]}  frame {int(batch.frame_index[number])}  "
        assert clip.title.startswith(name)
        for at in range(3):
            assert np.array_equal(clip.inputs[at], picture(batch.inputs[number, 3 * at : 3 * at + 3]))
        assert np.array_equal(clip.target, picture(batch.target[number]))
        white = (clip.anomaly_map == 255).all(axis=2)
        assert np.array_equal(white, batch.anomaly_map[number, 0].numpy() == 1)


def test_motion_and_weights_are_brightest_where_the_batch_has_its_largest_token(squares):
    (batch,) = first_batches(module_of(squares), 1)
    for number, clip in enumerate(training_clips(module_of(squares), 8)):
        assert clip.largest_motion == pytest.approx(float(batch.motion[number].max()))
        assert clip.largest_weight == pytest.approx(float(batch.token_weights[number].max()))
        for shown, tokens in ((clip.motion, batch.motion[number]), (clip.token_weights, batch.token_weights[number])):
            brightness = shown.sum(axis=2, dtype=int)
            grid = brightness.reshape(4, 8, 8, 8)
            assert (grid == grid[:, :1, :, :1]).all()
            assert np.argmax(grid[:, 0, :, 0]) == int(tokens.argmax())


@pytest.mark.parametrize(("percentage", "words"), [(0.0, "no anomaly pasted"), (100.0, "pasted: ProceduralObject, ")])
def test_the_title_says_whether_something_was_pasted_and_what(squares, percentage: float, words: str):
    for clip in training_clips(module_of(squares, augmentation_percentage=percentage), 8):
        assert words in clip.title


def test_the_title_tells_of_a_decoy(squares, tmp_path: Path):
    module = module_of(
        squares, store=tmp_path, anomalies=SelfCut(), augmentation_percentage=0.0, decoy_percentage=100.0
    )
    module.cut_objects()
    assert [clip.title.partition("no anomaly pasted")[2] for clip in training_clips(module, 4)] == 4 * [", and a decoy"]


def test_sheets_and_video_hold_every_clip(squares, tmp_path: Path):
    files = write_preview(module_of(squares), tmp_path / "seen", 8)
    assert [file.name for file in files] == ["clips-01-of-02.png", "clips-02-of-02.png", "clips.mp4"]
    heights = [cv2.imread(str(file)).shape[0] for file in files[:2]]
    assert heights[0] == 3 * heights[1]
    with av.open(str(files[2])) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in video.decode(video=0)) == 8 * 3 * LOOPS


def test_fewer_clips_than_asked_for_are_all_shown(squares):
    module = module_of(squares)
    shown: list[ShownClip] = list(training_clips(module, 10000))
    assert len(shown) == sum(row.frames for row in module.training_rows()[0])
