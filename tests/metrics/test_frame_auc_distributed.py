import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from sklearn.metrics import roc_auc_score
from torch.utils.data import DistributedSampler

from aed_lightning.core import DataError
from aed_lightning.metrics import FrameAUC

SEVEN = [("a", frame, 0.1 + (0.37 * frame) % 1, frame % 2) for frame in range(7)]
ONE = [("a", 0, 0.5, 1)]
TWO_VIDEOS = [
    (name, frame, float(score), int(frame // 5 % 2))
    for name, seed in (("b", 1), ("a", 2))
    for frame, score in enumerate(np.random.default_rng(seed).random(20))
]


def padded(frames, ranks):
    samplers = [DistributedSampler(frames, ranks, rank, shuffle=False) for rank in range(ranks)]
    return [[frames[position] for position in sampler] for sampler in samplers]


def shuffled(frames):
    return [frames[position] for position in np.random.default_rng(0).permutation(len(frames))]


def shifted(frames, by):
    return [(name, frame, score * (1 + by), label) for name, frame, score, label in frames]


SCENARIOS = {
    "seven frames on two ranks": (SEVEN, padded(SEVEN, 2)),
    "seven frames on three ranks": (SEVEN, padded(SEVEN, 3)),
    "one frame on two ranks": (ONE, padded(ONE, 2)),
    "a video split over two ranks": (TWO_VIDEOS, [TWO_VIDEOS[:29], TWO_VIDEOS[29:]]),
    "every other frame on another rank": (TWO_VIDEOS, [TWO_VIDEOS[rank::3] for rank in range(3)]),
    "one rank empty": (TWO_VIDEOS, [TWO_VIDEOS[:7], [], TWO_VIDEOS[7:]]),
    "first rank empty": (TWO_VIDEOS, [[], TWO_VIDEOS]),
    "all frames on all ranks out of order": (TWO_VIDEOS, [shuffled(TWO_VIDEOS), TWO_VIDEOS, TWO_VIDEOS[::-1]]),
    "copies that differ by rounding": (SEVEN, [SEVEN, shifted(SEVEN, 9e-6)]),
    "copies that differ": ("copies_differ", [SEVEN, shifted(SEVEN, 2e-5)]),
    "copies with another label": ("copies_differ", [ONE, [("a", 0, 0.5, 0)], SEVEN[1:]]),
    "a frame twice on one rank": ("duplicate_frame_index", [SEVEN, SEVEN[:1] + SEVEN[:1]]),
    "no frames at all": ([], [[], []]),
}


def result_of(frames, group=None):
    metric = FrameAUC(["b", "a"], parameters={"sigma_frames": 1.5}, process_group=group)
    for start in range(0, len(frames), 4):
        video, index, raw, label = zip(*frames[start : start + 4], strict=True)
        metric.update(video, torch.tensor(index), torch.tensor(raw, dtype=torch.float64), torch.tensor(label))
    result = {}
    try:
        result["videos"] = [(video.video, video.frame_index.tolist(), video.raw.tolist()) for video in metric.videos()]
        result["figures"] = metric.compute()
    except DataError as error:
        result["refused"] = error.name
    return result


def worker(rank, folder):
    torch.set_num_threads(1)
    patience, meeting = timedelta(seconds=300), f"file://{folder}/rendezvous"
    dist.init_process_group("gloo", meeting, patience, rank=rank, world_size=3)
    first_two, all_three = dist.new_group([0, 1], patience), dist.new_group([0, 1, 2], patience)
    results = {
        scenario: result_of(shares[rank], first_two if len(shares) == 2 else all_three)
        for scenario, (_, shares) in SCENARIOS.items()
        if rank < len(shares)
    }
    Path(folder, f"rank{rank}.json").write_text(json.dumps(results))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(worker, (str(folder),), nprocs=3)
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(3)]


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_rank_gives_the_figures_of_one_process_to_the_last_bit(ranks, scenario):
    frames, shares = SCENARIOS[scenario]
    expected = {"refused": frames} if isinstance(frames, str) else json.loads(json.dumps(result_of(frames)))
    for rank in range(len(shares)):
        assert ranks[rank][scenario] == expected


def test_the_mean_of_the_ranks_would_be_another_number(ranks):
    for scenario in ("seven frames on three ranks", "a video split over two ranks"):
        _, shares = SCENARIOS[scenario]
        alone = [result_of(share)["figures"]["micro_auc"] for share in shares]
        assert abs(np.mean(alone) - ranks[0][scenario]["figures"]["micro_auc"]) > 1e-3
    raw = [roc_auc_score([frame[3] for frame in share], [frame[2] for frame in share]) for share in shares]
    whole = roc_auc_score([frame[3] for frame in TWO_VIDEOS], [frame[2] for frame in TWO_VIDEOS])
    assert abs(np.mean(raw) - whole) > 1e-3
