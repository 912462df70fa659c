"""Which anomalies are found, by size, contrast and speed: python severity.py ROOT --out FOLDER NAME=RUN [NAME=RUN ...]

ROOT: a data set in the layout "folder" with masks and tracks, as toy's. RUN: the run directory of a `fit` or `test`
on it; runs of one NAME, as of several seeds, are averaged. A frame is found where its smoothed score is above what
one in ten normal frames reaches in that run: a way to compare runs at the same share of false positives, not a
threshold for use. Each anomalous frame counts by its largest object, in thirds of all such frames: its share of the
frame, how far its mean gray level is from that of what is around it, how far its center moves in a frame, in widths
of the video.

Writes severity.md, a table, and severity.png, one curve for each third over the runs in their order.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from aed_lightning.core import Region
from aed_lightning.data.layouts import Layout, open_layout
from aed_lightning.data.layouts.layout import VideoSource
from aed_lightning.data.readers import open_video

FALSE_POSITIVES = 0.1
TRAITS = ("size", "contrast", "speed")
THIRDS = ("low", "middle", "high")


def traits(layout: Layout, video: VideoSource) -> dict[int, tuple[float, float, float]]:
    """Size, contrast and speed of the largest object of each anomalous frame."""
    frames = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float) for rgb in open_video(video.path).frames()]
    size = frames[0].shape
    regions = layout.regions(video, len(frames), size) or []
    masks = layout.masks(video, len(frames), size)
    tracks = {(region.track, region.frame): region for region in regions}
    largest: dict[int, Region] = {}
    for region in regions:
        if region.frame not in largest or _area(region) > _area(largest[region.frame]):
            largest[region.frame] = region
    found = {}
    for frame, region in largest.items():
        others = [tracks[key] for key in ((region.track, frame - 1), (region.track, frame + 1)) if key in tracks]
        steps = [np.hypot(*np.subtract(_center(other), _center(region))) for other in others]
        speed = float(np.mean(steps)) / size[1] if steps else 0.0
        contrast = 0.0 if masks is None else _contrast(frames[frame], masks(frame), region)
        found[frame] = (_area(region) / (size[0] * size[1]), contrast, speed)
    return found


def _area(region: Region) -> float:
    left, top, right, bottom = region.box
    return (right - left) * (bottom - top)


def _center(region: Region) -> tuple[float, float]:
    left, top, right, bottom = region.box
    return (left + right) / 2, (top + bottom) / 2


def _contrast(gray: np.ndarray, mask: np.ndarray, region: Region) -> float:
    left, top, right, bottom = (round(edge) for edge in region.box)
    border = max(2, (bottom - top) // 4)
    around = slice(max(0, top - border), bottom + border), slice(max(0, left - border), right + border)
    inside, pixels = mask[around], gray[around]
    if inside.all() or not inside.any():
        return 0.0
    return float(abs(pixels[inside].mean() - pixels[~inside].mean()))


def found_by_third(run: Path, known: dict[str, dict[int, tuple[float, float, float]]]) -> np.ndarray:
    """Shares of found frames, (trait, third)."""
    normal, rows = [], []
    for video, frames in known.items():
        scores = np.load(run / "scores" / f"{video}.npz")
        normal.append(scores["smoothed"][scores["label"] == 0])
        rows += [
            (*frames[int(frame)], score)
            for frame, score in zip(scores["frame_index"], scores["smoothed"], strict=True)
            if int(frame) in frames
        ]
    table = np.array(rows)
    detected = table[:, 3] > np.quantile(np.concatenate(normal), 1 - FALSE_POSITIVES)
    edges = np.quantile(table[:, :3], (1 / 3, 2 / 3), axis=0)
    thirds = (table[:, None, :3] > edges).sum(axis=1)
    return np.array([[detected[thirds[:, trait] == third].mean() for third in range(3)] for trait in range(3)])


def named(pair: str) -> tuple[str, Path]:
    name, equals, run = pair.partition("=")
    if not equals or not (Path(run) / "scores").is_dir():
        raise argparse.ArgumentTypeError(f"{pair}: give NAME=RUN, a run directory with scores/")
    return name, Path(run)


def draw(names: list[str], shares: np.ndarray, file: Path) -> None:
    figure = Figure(figsize=(9, 3), layout="constrained")
    for trait, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        for third, name in enumerate(THIRDS):
            axes.plot(range(len(names)), shares[:, trait, third], marker="o", label=name)
        axes.set(title=TRAITS[trait], ylim=(0, 1))
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    figure.axes[0].set_ylabel(f"found, at {FALSE_POSITIVES:.0%} false positives")
    figure.legend(handles=figure.axes[0].lines, title="third", loc="outside right center")
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN", type=named)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    layout = open_layout("folder", options.root)
    known = {video.name: traits(layout, video) for video in layout.videos() if video.split == "test"}
    found: dict[str, list[np.ndarray]] = {}
    for name, run in options.runs:
        found.setdefault(name, []).append(found_by_third(run, known))
    names, shares = list(found), np.array([np.mean(of_name, axis=0) for of_name in found.values()])
    lines = ["| | " + " | ".join(f"{trait}, {third}" for trait in TRAITS for third in THIRDS) + " |", "|---" * 10 + "|"]
    for name, row in zip(names, shares, strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{share:.2f}" for share in row.flatten()) + " |")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "severity.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(names, shares, options.out / "severity.png")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
