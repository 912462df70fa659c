import csv
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import roc_auc_score

from aed_lightning.toy import TOY_LABELS_SHA256, labels_hash, write_toy
from aed_lightning.toy.schedule import KINDS, SUBTLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole_set(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "set"
    write_toy(root)
    return root


def frame_labels(root: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path) for path in sorted((root / "labels" / "frames").glob("*.npy"))}


def kinds(root: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in (root / "labels" / "tracks").glob("*.csv"):
        with path.open(encoding="utf-8") as file:
            found.update(row["kind"] for row in csv.DictReader(file))
    return found


def test_the_labels_of_seed_zero_are_the_published_ones(whole_set):
    assert labels_hash(whole_set) == TOY_LABELS_SHA256


def test_somewhat_less_than_half_of_the_test_frames_are_anomalous(whole_set):
    assert 0.40 < np.concatenate(list(frame_labels(whole_set).values())).mean() < 0.46


def test_every_kind_shows_long_enough_and_the_subtle_ones_are_the_minority(whole_set):
    found = kinds(whole_set)
    assert set(found) == set(KINDS)
    assert min(found.values()) >= 60
    assert 0.25 < sum(found[kind] for kind in SUBTLE) / sum(found.values()) < 0.40


def test_the_amount_of_motion_does_not_solve_it(whole_set):
    mean_motion, max_motion, label = [], [], []
    for name, frames in frame_labels(whole_set).items():
        cells = motion_cells(whole_set / "test" / f"{name}.mp4")
        patches = cells.reshape(len(cells), 12, 2, 20, 2, 3).max((2, 4)).mean(-1)
        mean_motion.append(gaussian_filter1d(cells.mean((1, 2, 3)), 5.0))
        max_motion.append(gaussian_filter1d(patches.max((1, 2)), 5.0))
        label.append(frames)
    for scores in (mean_motion, max_motion):
        assert roc_auc_score(np.concatenate(label), np.concatenate(scores)) < 0.78


def motion_cells(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    small = np.stack([cv2.resize(frame, (160, 96), interpolation=cv2.INTER_AREA) for frame in frames]).astype(int)
    padded = np.concatenate([small[:1], small, small[-1:]])
    motion = np.abs(padded[:-2] - padded[2:])
    return motion.reshape(len(small), 24, 4, 40, 4, 3).max((2, 4)).astype(float)
