"""Write the benchmark to a folder, with processes side by side, whole or resumable."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aed_lightning.core import DataError, UsageError, atomic_path, write_json, write_text
from aed_lightning.core.video_writer import VideoWriter

from . import TOY_VERSION
from .casting import cast_video
from .labels import VideoLabels, labels_hash
from .light import Light
from .render import render
from .scene import Scene, build_scene
from .schedule import TEST_VIDEOS, TRAIN_VIDEOS, VideoPlan, plan_videos
from .trajectory import FPS


@dataclass(frozen=True)
class _Job:
    root: Path
    plan: VideoPlan
    size: tuple[int, int]
    seed: int

    @property
    def video(self) -> Path:
        return self.root / self.plan.split / f"{self.plan.name}.mp4"


def write_toy(
    root: Path,
    *,
    size: tuple[int, int] = (180, 320),
    seed: int = 0,
    processes: int = 2,
    progress: Callable[[int, int], None] | None = None,
    train_videos: int = TRAIN_VIDEOS,
    test_videos: int = TEST_VIDEOS,
    frames: int = 0,
) -> None:
    """Write the benchmark as a user's own folder (docs/datasets.md): videos, labels, `toy.json`.

    size: (height, width), both even. progress: called with the number of videos done and of all. train_videos,
    test_videos, frames: for a miniature; 0 frames are the planned lengths. A complete set is left as it is, a broken
    off one is continued. With more than one process, call it from a program that can be imported (spawn).
    Raises DataError where `root` holds anything else, UsageError where the set cannot be planned.
    """
    if any(extent < 32 or extent % 2 for extent in size):
        raise UsageError(f"toy frames of {size[0]}x{size[1]} pixels: height and width must be even and at least 32")
    plans = plan_videos(seed, train_videos, test_videos, frames)
    terms = {
        "version": TOY_VERSION, "seed": seed, "size": list(size), "fps": FPS,
        "videos": [[plan.name, plan.frames] for plan in plans],
    }  # fmt: skip
    if _claim(root, terms):
        return
    jobs = [job for job in (_Job(root, plan, size, seed) for plan in plans) if not job.video.exists()]
    for done, _ in enumerate(_work(jobs, processes), len(plans) - len(jobs) + 1):
        if progress is not None:
            progress(done, len(plans))
    write_json(root / "toy.json", {**terms, "complete": True, "labels_sha256": labels_hash(root)})


def _work(jobs: list[_Job], processes: int) -> Iterator[None]:
    if processes > 1 and len(jobs) > 1:
        with multiprocessing.get_context("spawn").Pool(min(processes, len(jobs)), cv2.setNumThreads, (1,)) as pool:
            yield from pool.imap_unordered(_write_video, jobs)
    else:
        yield from map(_write_video, jobs)


def _claim(root: Path, terms: dict[str, Any]) -> bool:
    """Take the folder for this set; true where the set is complete already."""
    mark = root / "toy.json"
    if mark.is_file():
        found = _read(mark)
        if {key: found.get(key) for key in terms} != terms:
            raise DataError(f"{root} holds a toy set of another version, seed, size or length: name an empty folder")
        return found.get("complete") is True
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f"{root} is not empty and holds no toy.json: name an empty folder for the toy set")
    write_json(mark, {**terms, "complete": False})
    return False


def _read(mark: Path) -> dict[str, Any]:
    try:
        found = json.loads(mark.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{mark} is no JSON: name an empty folder for the toy set") from error
    return found if isinstance(found, dict) else {}


@cache
def _scene(size: tuple[int, int], seed: int) -> Scene:
    return build_scene(size, seed)


def _write_video(job: _Job) -> None:
    """Labels first, then the video, so that a video that exists has its labels."""
    scene = _scene(job.size, job.seed)
    cast = cast_video(job.plan, scene.camera, job.seed)
    light = Light(job.size, job.seed, job.plan.name, job.plan.frames)
    labels = VideoLabels(job.size)
    with atomic_path(job.video) as partial:
        with VideoWriter(partial, job.size, FPS) as video:
            for picture in render(scene, light, cast, job.plan.frames):
                video.write(picture.image)
                labels.add(picture.sightings)
        if job.plan.split == "test":
            _write_labels(job, labels)


def _write_labels(job: _Job, labels: VideoLabels) -> None:
    folder, name = job.root / "labels", job.plan.name
    with atomic_path(folder / "frames" / f"{name}.npy") as partial, partial.open("wb") as file:
        np.save(file, labels.frames, allow_pickle=False)
    with atomic_path(folder / "masks" / f"{name}.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, masks=np.array(labels.masks))
    write_text(folder / "tracks" / f"{name}.csv", labels.tracks)
