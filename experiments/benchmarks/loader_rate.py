"""How fast training clips load, against the usual practice of reading JPEG files.

    python experiments/benchmarks/loader_rate.py [--video-size 360 640] [--source mixed|drawn] [--json FILE]

Ours: DataModule at 160x320, 25 % of the clips pasted (60 % cut-outs and 40 % drawn, as the configurations have it), two
workers, up to and with the finished `Batch` (floats, pasted objects, motion, token weights). Usual: five JPEG files of
quality 95 at the video's size opened, decoded and resized a clip, two workers, stacked to bytes; no pasting,
no motion: they would only slow it down. Both take turns in one run; each rate is a round's, workers already started.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import torch
from record import record
from torch.utils.data import DataLoader, Dataset

from aed_lightning.anomalies import AnomalySource, Mixed, ProceduralTraining, SelfCut
from aed_lightning.core.memory import keep_freed_memory
from aed_lightning.data.module import DataModule
from aed_lightning.data.readers import open_video
from aed_lightning.toy import write_toy

SIZE, BATCH, WORKERS, OFFSETS = (160, 320), 32, 2, (-3, -1, 0, 1, 3)
SOURCES: dict[str, Callable[[], AnomalySource]] = {
    "mixed": lambda: Mixed([SelfCut(), ProceduralTraining()], [0.6, 0.4]),
    "drawn": ProceduralTraining,
}


class JpegClips(Dataset[np.ndarray]):
    """Five files a clip, as research code has it."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files) - 6

    def __getitem__(self, index: int) -> np.ndarray:
        images = [cv2.imread(str(self.files[index + 3 + offset])) for offset in OFFSETS]
        return np.stack([cv2.resize(image, (SIZE[1], SIZE[0])) for image in images if image is not None])


def usual(folder: Path, videos: list[Path]) -> Callable[[], Iterator[int]]:
    """Write the files, give batches of them for ever."""
    files = []
    for video in videos:
        for frame in open_video(video).frames():
            files.append(folder / f"{len(files):06d}.jpg")
            cv2.imwrite(str(files[-1]), frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    loader = DataLoader(JpegClips(files), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True)
    return lambda: (len(batch) for batch in loader)


def ours(root: Path, store: Path, source: AnomalySource) -> Callable[[], Iterator[int]]:
    """Prepare the store, give finished batches."""
    module = DataModule(
        "toy", root=root, store=store, frame_size=SIZE, patch_size=8, batch_size=BATCH, workers=WORKERS,
        augmentation_percentage=25.0, anomalies=source, holdout=1,
    )  # fmt: skip
    module.prepare_data()
    loader = module.train_dataloader()
    return lambda: (len(module.finish(clips).inputs) for clips in loader)


def rate(batches: Iterator[int], seconds: float) -> float:
    """Clips a second over so many seconds."""
    began, clips = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        clips += next(batches)
    return clips / (time.perf_counter() - began)


def endless(epoch: Callable[[], Iterator[int]]) -> Iterator[int]:
    for _ in cycle([None]):
        yield from epoch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video-size", type=int, nargs=2, default=[360, 640], metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--source", choices=SOURCES, default="mixed", help="of the pasted anomalies")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every verb does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_toy(folder / "toy", size=tuple(options.video_size), train_videos=11, test_videos=0, frames=200)
        loaders = {
            "ours": endless(ours(folder / "toy", folder / "store", SOURCES[options.source]())),
            "usual": endless(usual(folder, sorted((folder / "toy" / "train").glob("*.mp4")))),
        }
        for loader in loaders.values():
            rate(loader, 3.0)
        samples = []
        for _ in range(options.rounds):
            sample = {}
            for key, loader in loaders.items():
                next(loader)
                sample[key] = rate(loader, options.seconds)
            samples.append({**sample, "ratio": sample["ours"] / sample["usual"]})
        # The workers end before their files do.
        del loader, loaders
    record(
        "loader_rate", statistics.median(sample["ratio"] for sample in samples), samples, bar=15.0,
        higher_is_better=True, file=options.json, unit="clips a second", aim=1000, frame_size=list(SIZE),
        video_size=options.video_size,        source=options.source, seconds=options.seconds, workers=WORKERS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
