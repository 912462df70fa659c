import numpy as np
import pytest
import torch
from evaluation_vectors import one_video
from torch import nn

from aed_lightning.core import DataError, UsageError
from aed_lightning.metrics import FrameAUC, evaluate

NAMES = ("b", "a", "never seen")


def frames(count=40, seed=3):
    generator = np.random.default_rng(seed)
    return [
        one_video(generator.random(count), generator.integers(0, 2, count), name, frame_index=np.arange(count) + 3)
        for name in ("a", "b")
    ]


def fed(metric, videos, batch=7, seed=0):
    rows = [
        (video.video, int(index), float(raw), int(label))
        for video in videos
        for index, raw, label in zip(video.frame_index, video.raw, video.label, strict=True)
    ]
    np.random.default_rng(seed).shuffle(rows)
    for start in range(0, len(rows), batch):
        name, index, raw, label = zip(*rows[start : start + batch], strict=True)
        metric.update(name, torch.tensor(index), torch.tensor(raw, dtype=torch.float64), torch.tensor(label))
    return metric


def one_frame(metric, name="a", index=0, raw=0.5, label=0):
    metric.update([name], torch.tensor([index]), torch.tensor([raw], dtype=torch.float64), torch.tensor([label]))


@pytest.mark.parametrize(
    ("protocol", "parameters"),
    [("standard", {"sigma_frames": 2.0}), ("official", {}), ("standard", {"sigma_frames": 3.0, "causal": True})],
)
def test_frames_in_any_order_give_the_figures_of_whole_videos(protocol, parameters):
    videos = frames()
    metric = fed(FrameAUC(NAMES, protocol, parameters), videos)
    assert metric.compute() == evaluate(videos, protocol, **parameters)


def test_videos_come_back_sorted_and_whole():
    for found, given in zip(fed(FrameAUC(NAMES), frames()).videos(), frames(), strict=True):
        assert found.video == given.video
        np.testing.assert_array_equal(found.frame_index, given.frame_index)
        np.testing.assert_array_equal(found.raw, given.raw)
        np.testing.assert_array_equal(found.label, given.label)


@pytest.mark.parametrize(
    "convert",
    [
        nn.Module.half,
        nn.Module.float,
        lambda module: module.to(torch.bfloat16),
        lambda module: module.type(torch.float16),
        lambda module: module[0].set_dtype(torch.float16),
    ],
)
def test_scores_stay_float64_whatever_the_precision_of_the_model(convert):
    metric = FrameAUC(NAMES)
    scores = torch.tensor([0.1, 0.1 + 1e-15, 0.3], dtype=torch.float64)
    metric.update(["a"] * 3, torch.tensor([0, 1, 2**40 + 1]), scores, torch.tensor([0, 1, 0]))
    convert(nn.Sequential(metric))
    [video] = metric.videos()
    assert video.raw.tolist() == [0.1, 0.1 + 1e-15, 0.3]
    assert video.frame_index.tolist() == [0, 1, 2**40 + 1]
    assert metric.compute()["micro_auc"] == 0.5


def test_scores_far_above_one_are_not_squashed():
    metric = FrameAUC(NAMES)
    metric.update(
        ["a"] * 2, torch.tensor([0, 1]), torch.tensor([1e3, 1e3 + 1], dtype=torch.float64), torch.tensor([0, 1])
    )
    assert metric.compute()["micro_auc"] == 1.0


def test_a_frame_given_twice_on_one_rank_is_refused():
    metric = FrameAUC(NAMES)
    one_frame(metric, "a", 4)
    one_frame(metric, "b", 4)
    metric.videos()
    one_frame(metric, "a", 4)
    with pytest.raises(DataError, match="'a': frame 4 came twice on rank 0") as refusal:
        metric.compute()
    assert refusal.value.name == "duplicate_frame_index"


def test_reset_forgets_the_frames():
    metric = fed(FrameAUC(NAMES), frames())
    metric.reset()
    assert metric.videos() == []
    assert fed(metric, frames(seed=4)).compute() == evaluate(frames(seed=4))


def test_a_video_of_frames_without_labels_is_refused_as_such():
    metric = FrameAUC(NAMES)
    one_frame(metric, label=-1)
    assert metric.videos()[0].label is None
    with pytest.raises(DataError) as refusal:
        metric.compute()
    assert refusal.value.name == "no_labels"


@pytest.mark.parametrize("label", [255, 256, 257, -255, 2])
def test_labels_beyond_a_byte_do_not_turn_into_valid_ones(label):
    metric = FrameAUC(NAMES)
    one_frame(metric, label=label)
    with pytest.raises(DataError) as refusal:
        metric.compute()
    assert refusal.value.name == "non_binary_label"


def test_unknown_videos_and_uneven_batches_are_refused():
    metric = FrameAUC(NAMES)
    with pytest.raises(DataError, match="video 'c' is not among the 3") as refusal:
        one_frame(metric, "c")
    assert refusal.value.name == "unknown_video"
    numbers = torch.tensor([1])
    with pytest.raises(DataError, match="2 video names, 1 frame indices") as refusal:
        metric.update(["a", "a"], numbers, numbers.double(), numbers)
    assert refusal.value.name == "length_mismatch"


def test_the_constructor_refuses_what_evaluation_would():
    with pytest.raises(UsageError, match="parameter sigma=3"):
        FrameAUC(NAMES, parameters={"sigma": 3})
    with pytest.raises(UsageError, match="protocol 'paper'"):
        FrameAUC(NAMES, "paper")
    with pytest.raises(DataError, match="'a' is named twice"):
        FrameAUC(["a", "b", "a"])
