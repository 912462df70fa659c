import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from aed_lightning.callbacks.localization import Localization
from aed_lightning.core import DataError, Detection, Region, VideoAnnotations, VideoRegions
from aed_lightning.metrics import evaluate_regions

SIZE = (40, 60)
GRID = (4, 6)
FRAMES = 5


def token_maps(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((FRAMES, *GRID), dtype=np.float32)


MAPS = {"crash": token_maps(1), "street": token_maps(2)}
BOX = (10.0, 10.0, 30.0, 20.0)


def mask_of(video: str, frame: int) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    if video == "crash" and frame > 1:
        mask[10:20, 10:30] = True
    return mask


def annotated(video: str, tracks: bool = True, masks: bool = True, normal: bool = False) -> VideoAnnotations:
    regions = [] if normal else [Region(1, frame, BOX) for frame in range(2, FRAMES)]
    return VideoAnnotations(
        video,
        FRAMES,
        SIZE,
        25.0,
        lambda: regions if tracks else None,
        (lambda: lambda frame: mask_of(video, frame)) if masks else None,
    )


def localized(videos: list[VideoAnnotations], threshold: float | None = 0.5, parts: int = FRAMES) -> Localization:
    found = Localization(videos, threshold)
    for video in videos:
        for first in range(0, FRAMES, parts):
            frames = list(range(first, min(first + parts, FRAMES)))
            found.add(video.video, frames, MAPS[video.video][frames])
    return found


def resized(token_map: np.ndarray) -> np.ndarray:
    pixels = torch.from_numpy(token_map)[None, None]
    return torch.nn.functional.interpolate(pixels, SIZE, mode="bilinear")[0, 0].numpy()


def boxes_in(file: Path) -> list[Detection]:
    with file.open(newline="") as text:
        rows = list(csv.reader(text))
    assert rows[0] == ["frame", "x0", "y0", "x1", "y1", "score"]
    return [Detection(int(row[0]), tuple(map(float, row[1:5])), float(row[5])) for row in rows[1:]]


BOTH = [annotated("crash"), annotated("street", normal=True)]


def test_the_figures_are_those_of_the_written_boxes(tmp_path: Path):
    found = localized(BOTH)
    found.write(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["crash.csv", "street.csv"]
    regions = {"crash": [Region(1, frame, BOX) for frame in range(2, FRAMES)], "street": []}
    read = [VideoRegions(name, FRAMES, regions[name], boxes_in(tmp_path / f"{name}.csv")) for name in regions]
    figures = found.figures()["regions"]
    assert figures.pop("skipped_videos") == []
    assert figures == evaluate_regions(read)
    assert figures["detections"] > 0


def test_a_map_that_is_high_on_the_object_alone_finds_all_of_it():
    found = Localization(BOTH, 0.5)
    maps = np.zeros((FRAMES, *GRID), dtype=np.float32)
    maps[2:, 1, 1:3] = 0.75
    found.add("crash", list(range(FRAMES)), maps)
    found.add("street", list(range(FRAMES)), np.zeros((FRAMES, *GRID), dtype=np.float32))
    figures = found.figures()
    assert (figures["regions"]["rbdc"], figures["regions"]["tbdc"]) == (1.0, 1.0)
    assert figures["regions"]["detections"] == FRAMES - 2
    assert figures["threshold"] == 0.5


def test_the_pixel_auc_is_that_of_scikit_learn_on_maps_at_the_size_of_the_masks():
    masks = np.array([mask_of(name, frame) for name in MAPS for frame in range(FRAMES)])
    pixels = np.array([resized(token_map) for maps in MAPS.values() for token_map in maps])
    figures = localized(BOTH).figures()["pixels"]
    assert figures["pixel_auc"] == pytest.approx(roc_auc_score(masks.ravel(), pixels.ravel()), abs=1e-12)
    assert (figures["pixel_auc_error"], figures["frames"]) == (0.0, 2 * FRAMES)


def test_it_does_not_matter_where_the_frames_are_cut():
    whole = localized(BOTH).figures()
    assert all(localized(BOTH, parts=parts).figures() == whole for parts in (1, 2, 3))
    json.dumps(whole, allow_nan=False)


def test_videos_with_anomalies_but_without_tracks_or_masks_are_left_out_by_name():
    videos = [annotated("crash"), annotated("street", tracks=False, masks=False)]
    figures, alone = localized(videos).figures(), localized(videos[:1]).figures()
    for key in ("regions", "pixels"):
        assert figures[key].pop("skipped_videos") == ["street"]
        assert alone[key].pop("skipped_videos") == []
        assert figures[key] == alone[key]


def test_without_tracks_there_is_no_rbdc_and_without_masks_no_pixel_auc():
    assert localized([annotated("crash", tracks=False)]).figures().keys() == {"threshold", "pixels"}
    assert localized([annotated("crash", masks=False)]).figures().keys() == {"threshold", "regions"}
    assert localized([annotated("crash", tracks=False, masks=False)]).figures() == {}


def test_without_a_threshold_there_are_pixels_and_no_boxes(tmp_path: Path):
    found = localized(BOTH, threshold=None)
    found.write(tmp_path)
    assert found.figures().keys() == {"threshold", "pixels"}
    assert found.figures()["threshold"] is None
    assert list(tmp_path.iterdir()) == []


def test_masks_of_one_class_leave_the_other_figures_alone():
    empty = np.zeros(SIZE, dtype=bool)
    crash = VideoAnnotations("crash", FRAMES, SIZE, None, BOTH[0].regions, lambda: lambda frame: empty)
    figures = localized([crash]).figures()
    assert figures["pixels"]["pixel_auc"] is None
    assert "0 of" in figures["pixels"]["note"]
    assert figures["regions"]["regions"] == FRAMES - 2


def test_masks_are_open_for_one_video_at_a_time():
    opened = []

    def watched(video: str):
        return lambda: opened.append(video) or (lambda frame: mask_of(video, frame))

    videos = [VideoAnnotations(name, FRAMES, SIZE, None, lambda: [], watched(name)) for name in MAPS]
    found = localized(videos, parts=1)
    assert opened == ["crash", "street"]
    assert found._video == "street"


def test_a_mask_that_cannot_be_read_is_an_error():
    def broken(frame: int) -> np.ndarray:
        raise DataError(f"mask {frame} is broken")

    with pytest.raises(DataError, match="mask 0 is broken"):
        localized([VideoAnnotations("crash", FRAMES, SIZE, None, lambda: None, lambda: broken)])
