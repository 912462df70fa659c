"""How fast `prepare` takes in a file, against decoding and resizing it with OpenCV and nothing else.

    python experiments/benchmarks/prepare_rate.py [--size 160 320] [--frames 1000] [--rounds 7] [--json FILE]

Both read the same 640x360 H.264 file (the toy scene at its size and 25 fps, x264 at its default quality), one process,
in turns; the store is removed before every turn, outside the clock. `prepare` hashes, decodes, resizes, computes the
motion, writes and brings it all to the disk; the plain loop decodes, resizes in the same way and keeps nothing. The
ratio is the median of those of neighboring turns.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
from record import record

from aed_lightning.data.layouts import open_layout
from aed_lightning.data.prepare import prepare
from aed_lightning.toy import write_toy

VIDEO_SIZE = (360, 640)


def bare(video: Path, size: tuple[int, int]) -> int:
    """Decode and resize; the number of frames."""
    capture, frames = cv2.VideoCapture(str(video)), 0  # noqa: TID251 - what ours is measured against
    while True:
        read, frame = capture.read()
        if not read:
            return frames
        cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR)
        frames += 1


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(160, 320), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    size = (options.size[0], options.size[1])
    with tempfile.TemporaryDirectory() as name:
        root, store = Path(name) / "toy", Path(name) / "store"
        write_toy(root, size=VIDEO_SIZE, train_videos=1, test_videos=0, frames=options.frames)
        (video,) = (root / "train").glob("*.mp4")
        frames = bare(video, size)
        samples = []
        for _ in range(options.rounds + 1):
            shutil.rmtree(store, ignore_errors=True)
            plain = seconds(lambda: bare(video, size))
            ours = seconds(lambda: prepare(open_layout("folder", root), root, store, frame_size=size))
            samples.append({"bare": frames / plain, "prepare": frames / ours, "ratio": plain / ours})
    # The first turn of both pays for the page cache and the libraries.
    del samples[0]
    record(
        "prepare_rate", statistics.median(sample["ratio"] for sample in samples), samples, bar=0.7,
        higher_is_better=True, file=options.json, unit="frames a second", frames=frames, frame_size=list(size),
    )  # fmt: skip


if __name__ == "__main__":
    main()
