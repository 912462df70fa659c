"""How fast videos are scored from their files when frames are left out, and what that costs in AUC.

    python experiments/benchmarks/gated_end_to_end.py --weights RUN --root DATA [--layout folder] [--skip 1] [--gate G]
        [--backend torch] [--precision auto] [--mask-seeds 0 1 2] [--timed 6] [--rounds 3] [--json FILE]

Some of the test videos of DATA are scored in turns by ours, from the video file, with frames left out and without, and
by the plain baseline, teacher and student, which is fed as research code feeds it: a data loader with two workers reads
five JPEG files (quality 95, of the video's size) for each clip, brings them to the network's size, and hands over eight
clips at a time. The ratio is that of ours with frames left out over the baseline, in frames a second. The micro AUC of
all test videos is computed with frames left out and without, for several draws of the masks: one alone moves it by more
than what is left out.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import torch
from auc_of_modes import micro_auc, scores_of, test_videos
from plain_network import PlainNetwork
from record import record
from torch.utils.data import DataLoader, Dataset

from aed_lightning import load
from aed_lightning.core.memory import freed_memory_returned, keep_freed_memory
from aed_lightning.data.layouts import VideoSource, open_layout
from aed_lightning.data.opencv import one_thread
from aed_lightning.data.readers import open_video
from aed_lightning.model import random_masks
from aed_lightning.model.grid import patchify
from aed_lightning.runtime import Scorer
from aed_lightning.runtime.gating import EVERY_FRAME, Gate
from aed_lightning.runtime.graph import network_inputs
from aed_lightning.runtime.scorer import load_graph
from aed_lightning.runtime.timing import ratio, take_turns

BATCH, MOVING_LEVELS = 8, 15


class JpegClips(Dataset[torch.Tensor]):
    """Clips from five image files each: the three of the network, and two more for the motion, which is not used."""

    def __init__(self, folders: list[Path], offset: int, size: tuple[int, int]) -> None:
        self._clips = []
        for folder in folders:
            files = sorted(folder.iterdir())
            places = range(-2 * offset, 2 * offset + 1, offset)
            for middle in range(len(files)):
                self._clips.append([files[min(max(middle + place, 0), len(files) - 1)] for place in places])
        self._size = size

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> torch.Tensor:
        height, width = self._size
        images = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in self._clips[index]]
        small = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
        return torch.from_numpy(np.stack(small[1:4]).transpose(0, 3, 1, 2).copy())


def _threads_as_opencv_takes_them(_: int) -> None:
    cv2.setNumThreads(-1)


def score_plainly(network: PlainNetwork, clips: JpegClips, tokens: int, visible: int, patch: int) -> list[float]:
    """A score of each clip, the mean squared error of the teacher's colors."""
    scores: list[float] = []
    for frames in DataLoader(clips, batch_size=BATCH, num_workers=2, worker_init_fn=_threads_as_opencv_takes_them):
        numbers = torch.arange(len(frames))
        mask = random_masks(("video",) * len(frames), numbers, 0 * numbers, tokens=tokens, visible=visible, seed=0)
        inputs = network_inputs(frames)
        teacher, _, _ = network(inputs, mask, True)
        error = teacher.unflatten(2, (-1, 4))[..., :3].flatten(2) - patchify(inputs[:, 3:6], patch)
        scores += error.square().mean(dim=(1, 2)).tolist()
    return scores


def write_images(video: VideoSource, folder: Path) -> Path:
    """Every frame as a JPEG file."""
    folder.mkdir()
    for number, frame in enumerate(open_video(video.path).frames()):
        picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{number:06}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder


def moving_share(scorer: Scorer, videos: list[VideoSource]) -> float:
    """Share of the tokens in which a pixel differs by more than 15 gray levels from a neighboring frame of the clip."""
    patch, shares = scorer.engine.graph.network.patch_size, []
    for video in videos:
        for window in scorer.windows(enumerate(open_video(video.path).frames()), stride=5):
            first, middle, last = window.frames.astype(np.int16)
            change = np.maximum(abs(middle - first), abs(last - middle)).max(axis=0)
            cells = change.reshape(change.shape[0] // patch, patch, -1, patch).max(axis=(1, 3))
            shares.append((cells > MOVING_LEVELS).mean())
    return float(np.mean(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--layout", default="folder")
    parser.add_argument("--skip", type=int, default=1)
    parser.add_argument("--gate", type=float, default=float("inf"))
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--mask-seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--timed", type=int, default=6, help="videos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_freed_memory()  # as every verb does
    one_thread()  # as `score` does
    scorer = load(options.weights, device="cpu", backend=options.backend, precision=options.precision)
    graph, _ = load_graph(options.weights)
    gate = Gate(options.skip, options.gate)
    layout = open_layout(options.layout, options.root)
    timed = test_videos(layout)[: options.timed]

    drawn = [replace(scorer, seed=seed) for seed in options.mask_seeds]
    micro = {
        name: [micro_auc(one, layout, left_out) for one in drawn]
        for name, left_out in (("full", EVERY_FRAME), ("gated", gate))
    }
    network = graph.network
    plain = PlainNetwork(network).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as name:
        folders = [write_images(video, Path(name) / video.name) for video in timed]
        clips = JpegClips(folders, scorer.clip_offset, scorer.shape[:2])

        def ours(gate: Gate) -> None:
            for video in timed:
                scores_of(scorer, video, gate)

        work: dict[str, Callable[[], object]] = {
            "plain baseline": torch.inference_mode()(freed_memory_returned()(
                partial(score_plainly, plain, clips, network.tokens, network.visible_tokens(graph.mask_ratio),
                        network.patch_size)
            )),
            "full": partial(ours, EVERY_FRAME),
            "gated": partial(ours, gate),
        }  # fmt: skip
        timings = take_turns(work, len(clips), rounds=options.rounds, device=torch.device("cpu"))
    samples = [
        {name: timing.frames / timing.seconds[turn] for name, timing in timings.items()}
        for turn in range(options.rounds)
    ]
    times, spread = ratio(timings["plain baseline"], timings["gated"])
    full, _ = ratio(timings["plain baseline"], timings["full"])
    record(
        "gated_end_to_end", times, samples, bar=8.0, higher_is_better=True, file=options.json, spread=round(spread, 4),
        full_ratio=round(full, 4), unit="frames a second", frames=len(clips), skip=options.skip,
        gate=None if options.gate == float("inf") else options.gate, backend=scorer.engine.backend,
        precision=scorer.engine.precision, frame_size=list(scorer.shape[:2]), moving_tokens=moving_share(scorer, timed),
        mask_seeds=options.mask_seeds, micro_auc=micro, auc_delta=fmean(micro["gated"]) - fmean(micro["full"]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
