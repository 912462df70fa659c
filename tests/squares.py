"""A miniature data set of moving squares in the `folder` layout, and a configuration that trains on it in seconds."""

from pathlib import Path

import cv2
import numpy as np

FRAME_SIZE = (32, 64)
TRAIN_VIDEOS, TRAIN_FRAMES = 4, 28
TEST_LABELS = {
    "stop": np.repeat([0, 1, 0], [8, 7, 5]).astype(np.uint8),
    "leap": np.repeat([0, 1], [12, 10]).astype(np.uint8),
}

CONFIG = """\
data:
  name: squares
  root: {root}
  store: {store}
  frame_size: [32, 64]
  augmentation_percentage: 50
  holdout: 1
model:
  patch_size: 8
  encoder_dim: 32
  encoder_depth: 1
  decoder_dim: 16
  teacher_depth: 2
  heads: 2
teacher:
  epochs: {epochs}
  batch_size: 8
  learning_rate: 1.0e-3
student:
  epochs: 1
  batch_size: 8
  learning_rate: 1.0e-3
smoothing:
  sigma: 1.0
trainer:
  accelerator: cpu
  devices: 1
  precision: 32-true
"""


def write_video(path: Path, lefts: list[int], top: int, side: int = 8) -> Path:
    """A square that stands at `lefts`, one position a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = FRAME_SIZE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (width, height))
    for left in lefts:
        picture = np.full((height, width, 3), (120, 90, 60), dtype=np.uint8)
        picture[top : top + side, left : left + side] = (30, 200, 180)
        writer.write(picture)
    writer.release()
    return path


def write_squares(root: Path, labels: bool = True) -> Path:
    """Training: squares that walk. Test: squares that walk, and stop or leap where the label is 1."""
    for number in range(TRAIN_VIDEOS):
        lefts = [(number * 5 + frame) % 56 for frame in range(TRAIN_FRAMES)]
        write_video(root / "train" / f"walk{number + 1}.avi", lefts, top=4 + 5 * number)
    for name, label in TEST_LABELS.items():
        steps = np.where(label == 1, 0 if name == "stop" else 9, 1)
        write_video(root / "test" / f"{name}.avi", (np.cumsum(steps) % 56).tolist(), top=12)
        if labels:
            (root / "labels" / "frames").mkdir(parents=True, exist_ok=True)
            np.save(root / "labels" / "frames" / f"{name}.npy", label)
    return root


def write_config(file: Path, root: Path, store: Path, epochs: int = 1) -> Path:
    """The configuration for the squares at `root`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CONFIG.format(root=root, store=store, epochs=epochs))
    return file
