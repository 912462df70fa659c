import numpy as np
import pytest
import torch

from aed_lightning.callbacks.collecting import FrameCollector
from aed_lightning.core import DataError
from aed_lightning.core.clip import Batch
from aed_lightning.scoring.rules import DefaultRule, FrameValues, PaperRule, Rule

VIDEOS = {"long": 13, "middle": 7, "short": 1}
MAP = (6, 8)


def values_of(video: str, mapped: bool) -> np.ndarray:
    numbers = np.random.default_rng(len(video))
    return numbers.random((VIDEOS[video], *MAP) if mapped else VIDEOS[video], dtype=np.float32)


def token_maps_of(video: str) -> np.ndarray:
    return np.random.default_rng(200 + len(video)).random((VIDEOS[video], 2, 3), dtype=np.float32)


def motion_of(video: str) -> np.ndarray:
    return np.random.default_rng(100 + len(video)).integers(0, 255, (VIDEOS[video], 4)).astype(np.float32)


def batch_of(frames: list[tuple[str, int]]) -> Batch:
    motion = torch.from_numpy(np.stack([motion_of(video)[index] for video, index in frames]))
    return Batch(
        inputs=torch.zeros(len(frames), 9, 8, 8),
        target=torch.zeros(len(frames), 3, 8, 8),
        anomaly_map=torch.zeros(len(frames), 1, 8, 8),
        motion=motion,
        mean_motion=motion.mean(dim=1),
        token_weights=torch.full_like(motion, 0.25),
        video=tuple(video for video, _ in frames),
        frame_index=torch.tensor([index for _, index in frames]),
        epoch=torch.zeros(len(frames), dtype=torch.int64),
        label=torch.tensor([index % 2 for _, index in frames]),
        pasted=torch.zeros(len(frames), dtype=torch.bool),
    )


def found(values: np.ndarray, token_maps: np.ndarray) -> FrameValues:
    return FrameValues(values=torch.from_numpy(values), token_map=torch.from_numpy(token_maps))


class Kept:
    """In the place of Localization: the maps as they come."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, list[int], np.ndarray]] = []

    def add(self, video: str, frame_index: list[int], maps: np.ndarray) -> None:
        self.parts.append((video, list(frame_index), maps))

    def maps(self, video: str) -> np.ndarray:
        return np.concatenate([maps for name, _, maps in self.parts if name == video])


def collect(rule: Rule, batch_size: int, kept: Kept | None = None) -> FrameCollector:
    collector = FrameCollector(rule, list(VIDEOS))
    collector.localization = kept
    frames = [(video, index) for video, length in VIDEOS.items() for index in range(length)]
    values = np.concatenate([values_of(video, bool(rule.reach)) for video in VIDEOS])
    token_maps = np.concatenate([token_maps_of(video) for video in VIDEOS])
    for first in range(0, len(frames), batch_size):
        part = slice(first, first + batch_size)
        collector.add(batch_of(frames[part]), found(values[part], token_maps[part]))
    collector.finish()
    return collector


@pytest.mark.parametrize("rule", [DefaultRule(), PaperRule(filter_size=5)], ids=lambda rule: rule.name)
@pytest.mark.parametrize("batch_size", [1, 2, 5, 13, 14, 21])
def test_batches_may_cut_videos_anywhere(rule: Rule, batch_size: int):
    videos = collect(rule, batch_size).metrics["model"].videos()
    assert [video.video for video in videos] == sorted(VIDEOS)
    for video in videos:
        whole = rule.video_scores(values_of(video.video, bool(rule.reach)))
        np.testing.assert_array_equal(video.raw, whole)
        np.testing.assert_array_equal(video.frame_index, np.arange(VIDEOS[video.video]))
        np.testing.assert_array_equal(video.label, np.arange(VIDEOS[video.video]) % 2)


@pytest.mark.parametrize("rule", [DefaultRule(), PaperRule(filter_size=5)], ids=lambda rule: rule.name)
@pytest.mark.parametrize("batch_size", [1, 2, 5, 13, 14, 21])
def test_maps_reach_the_localization_whole_and_in_order_wherever_batches_cut_them(rule: Rule, batch_size: int):
    kept = Kept()
    collector = collect(rule, batch_size, kept)
    for video in collector.metrics["map"].videos():
        whole = rule.video_maps(token_maps_of(video.video))
        np.testing.assert_array_equal(kept.maps(video.video), whole)
        np.testing.assert_array_equal(video.raw, whole.max(axis=(1, 2)))
        frames = [frame for name, frames, _ in kept.parts if name == video.video for frame in frames]
        assert frames == list(range(VIDEOS[video.video]))
    assert len(collector.metrics["map"].videos()) == len(VIDEOS)


def test_maps_are_kept_no_longer_than_the_rule_needs_them():
    kept = Kept()
    collect(DefaultRule(), 2, kept)
    assert max(len(maps) for _, _, maps in kept.parts) <= 2
    whole = Kept()
    collect(PaperRule(), 2, whole)
    assert [len(maps) for _, _, maps in whole.parts] == list(VIDEOS.values())


def test_the_trivial_scores_are_mean_and_largest_motion():
    collector = collect(DefaultRule(), 5)
    for name, reduce in (("mean_motion", np.mean), ("max_motion", np.max)):
        for video in collector.metrics[name].videos():
            np.testing.assert_allclose(video.raw, reduce(motion_of(video.video), axis=1), rtol=1e-6)


def test_finishing_twice_counts_no_frame_twice():
    collector = collect(DefaultRule(), 4)
    collector.finish()
    assert sum(len(video.raw) for video in collector.metrics["model"].videos()) == sum(VIDEOS.values())


def test_a_video_that_the_data_set_does_not_have_is_refused():
    collector = FrameCollector(DefaultRule(), ["other"])
    with pytest.raises(DataError, match="long"):
        collector.add(batch_of([("long", 0)]), found(np.zeros(1, np.float32), np.zeros((1, 2, 3), np.float32)))


def test_half_precision_values_are_taken():
    collector = FrameCollector(DefaultRule(), list(VIDEOS))
    half = {"values": torch.tensor([0.5]).bfloat16(), "token_map": torch.full((1, 2, 3), 0.25).bfloat16()}
    collector.add(batch_of([("short", 0)]), FrameValues(**half))
    collector.finish()
    assert [collector.metrics[name].videos()[0].raw.tolist() for name in ("model", "map")] == [[0.5], [0.25]]
