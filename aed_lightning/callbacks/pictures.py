"""Pictures of the worst false alarms and misses, for the report."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from ..core import FrameScores, atomic_path, write_json
from ..report.worst import worst_frames

FrameAndMap = tuple[Float[np.ndarray, "3 height width"], Float[np.ndarray, "rows columns"]]
"""A frame in [-1, 1], and the anomaly map that the network predicts for its tokens, 0 (normal) to 1."""

SMALLEST_WIDTH = 240
GAP = 4


def write_pictures(folder: Path, videos: Sequence[FrameScores], seen: Callable[[str, int], FrameAndMap]) -> None:
    """Write `MISTAKE_NN.png` of each frame that `worst_frames` names, the frame beside its map, and `index.json`.

    seen: gives frame and map of (video, frame index). Pictures of an earlier evaluation are removed.
    """
    for old in [*folder.glob("false_alarms_*.png"), *folder.glob("misses_*.png")]:
        old.unlink()
    index: dict[str, object] = {"version": 1}
    for mistake, frames in worst_frames(videos).items():
        entries = []
        for number, worst in enumerate(frames, start=1):
            name = f"{mistake}_{number:02d}.png"
            with atomic_path(folder / name) as partial:
                Image.fromarray(side_by_side(*seen(worst.video, worst.frame))).save(partial, format="PNG")
            entries.append({"video": worst.video, "frame": worst.frame, "score": worst.score, "file": name})
        index[mistake] = entries
    write_json(folder / "index.json", index)


def side_by_side(
    frame: Float[np.ndarray, "3 height width"], anomaly_map: Float[np.ndarray, "rows columns"]
) -> UInt8[np.ndarray, "picture_height picture_width 3"]:
    """Frame and map as RGB bytes, enlarged by a whole number if they are small; black is 0 in the map, yellow is 1."""
    shown = np.rint((frame.transpose(1, 2, 0) + 1) * 127.5).clip(0, 255).astype(np.uint8)
    patch = shown.shape[0] // anomaly_map.shape[0]
    colors = matplotlib.colormaps["inferno"](anomaly_map.clip(0, 1), bytes=True)[..., :3]
    heat = colors.repeat(patch, axis=0).repeat(patch, axis=1)
    gap = np.full((len(shown), GAP, 3), 128, dtype=np.uint8)
    factor = -(-SMALLEST_WIDTH // shown.shape[1])
    picture: np.ndarray = np.concatenate([shown, gap, heat], axis=1).repeat(factor, axis=0).repeat(factor, axis=1)
    return picture
