from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from squares import FRAME_SIZE

from aed_lightning.anomalies import ProceduralTraining
from aed_lightning.anomalies.pasting import RandomPasting
from aed_lightning.core.clip import Clips
from aed_lightning.data.clips import ClipDataset, View
from aed_lightning.data.module import DataModule
from aed_lightning.data.sampling import ClipBatches, ClipLoader, limited


@pytest.fixture(scope="module")
def dataset(squares) -> ClipDataset:
    module = DataModule("squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8)
    module.prepare_data()
    pasting = RandomPasting(ProceduralTraining(), 50.0, FRAME_SIZE, module.store.channels, 0)
    return ClipDataset(module.store, [View(row.name, row, pasting) for row in module.store.videos("train")], 3)


def ids(clips: Clips) -> list[tuple[str, int, int]]:
    return list(zip(clips.video, clips.frame_index.tolist(), clips.epoch.tolist(), strict=True))


def order(clips: int, epoch: int = 0, seed: int = 0, shuffle: bool = True, batch_size: int = 7) -> list[int]:
    batches = ClipBatches(clips, batch_size, shuffle=shuffle, seed=seed)
    batches.epoch = epoch
    return [key.number for batch in batches for key in batch]


def loader(dataset: ClipDataset, workers: int = 0, batch_size: int = 10) -> ClipLoader:
    return ClipLoader(dataset, ClipBatches(len(dataset), batch_size, shuffle=True), workers=workers)


@given(clips=st.integers(0, 60), batch_size=st.integers(1, 9), ranks=st.integers(1, 5), shuffle=st.booleans())
def test_the_ranks_share_every_clip_without_repeats(clips: int, batch_size: int, ranks: int, shuffle: bool):
    shares = []
    for rank in range(ranks):
        batches = ClipBatches(clips, batch_size, shuffle=shuffle, rank=rank, ranks=ranks)
        mine = list(batches)
        assert len(mine) == len(batches)
        assert all(len(batch) == batch_size for batch in mine[:-1])
        shares.append([key.number for batch in mine for key in batch])
    seen = sorted(chain.from_iterable(shares))
    if shuffle:
        assert len({len(share) for share in shares}) == 1
        assert len(seen) == len(set(seen)) == clips - clips % ranks
    else:
        assert seen == list(range(clips))


def test_the_order_is_a_function_of_seed_and_epoch():
    assert order(50, epoch=3, seed=1) == order(50, epoch=3, seed=1, batch_size=13)
    assert order(50, epoch=3, seed=1) != order(50, epoch=4, seed=1)
    assert order(50, epoch=3, seed=1) != order(50, epoch=3, seed=2)
    assert order(50, epoch=3, shuffle=False) == list(range(50))


def test_a_loader_in_order_delivers_the_same_clips_each_time(dataset: ClipDataset):
    clips = ClipLoader(dataset, ClipBatches(len(dataset), 10, shuffle=False))
    passes = [[name for batch in clips for name in ids(batch)] for _ in range(3)]
    next(iter(clips))
    passes.append([name for batch in clips for name in ids(batch)])
    assert passes[0] == passes[1] == passes[2] == passes[3]
    assert {epoch for *_, epoch in passes[0]} == {0}


def test_keys_carry_the_epoch():
    batches = ClipBatches(9, 4, shuffle=True)
    batches.epoch = 6
    assert {key.epoch for batch in batches for key in batch} == {6}


def test_each_iteration_of_the_loader_is_the_next_epoch_with_every_clip_once(dataset: ClipDataset):
    clips = loader(dataset)
    first, second = ([name for batch in clips for name in ids(batch)] for _ in range(2))
    assert {epoch for *_, epoch in first} == {0}
    assert {epoch for *_, epoch in second} == {1}
    everything = {(row.name, frame) for row in dataset.store.videos("train") for frame in range(row.frames)}
    for epoch in (first, second):
        assert len(epoch) == len(everything)
        assert {(video, frame) for video, frame, _ in epoch} == everything
    assert [name[:2] for name in first] != [name[:2] for name in second]


@pytest.mark.parametrize("delivered", [1, 5, 11])
def test_a_restored_loader_delivers_exactly_the_remaining_clips(dataset: ClipDataset, delivered: int):
    whole = loader(dataset)
    expected = [ids(batch) for _ in range(2) for batch in whole]
    stopped = loader(dataset)
    iterator = iter(stopped)
    seen = [ids(next(iterator)) for _ in range(delivered)]
    resumed = loader(dataset)
    resumed.load_state_dict(stopped.state_dict())
    rest = [ids(batch) for _ in range(2) for batch in resumed]
    assert seen + rest == expected


@pytest.mark.parametrize("limit", [4, 5])
def test_part_epochs_are_all_of_one_length_and_begin_anew_where_no_whole_one_is_left(dataset: ClipDataset, limit: int):
    def part(loader: ClipLoader) -> list[tuple[str, int, int]]:
        return [name for _, batch in zip(range(limit), loader, strict=False) for name in ids(batch)]

    def limited_loader() -> ClipLoader:
        return ClipLoader(dataset, ClipBatches(len(dataset), len(dataset) // 10, shuffle=True), limit=limit)

    whole = limited_loader()
    parts_of_an_epoch = len(whole) // limit
    expected = [part(whole) for _ in range(parts_of_an_epoch + 1)]
    assert {len(names) for names in expected} == {limit * (len(dataset) // 10)}
    assert [{epoch for *_, epoch in names} for names in expected] == [{0}] * parts_of_an_epoch + [{1}]
    stopped = limited_loader()
    for names in expected[:-1]:
        assert part(stopped) == names
    resumed = limited_loader()
    resumed.load_state_dict({"epoch": 0, "delivered": limit * (parts_of_an_epoch - 1) + 1})
    assert ids(next(iter(resumed)))[0] == expected[-2][len(dataset) // 10]  # in the midst of the last part
    resumed = limited_loader()
    resumed.load_state_dict(stopped.state_dict())
    assert part(resumed) == expected[-1]


@pytest.mark.parametrize(
    ("limit", "left"), [(None, 8), (3, 3), (30, 8), (1, 1), (0.5, 4), (1.0, 8), (0.3, 2), (5.0, 5), (0, 0)]
)
def test_how_many_batches_a_limit_leaves(limit: int | float | None, left: int):
    """As Lightning has it: a whole number is a number of batches whatever its type, but for 1.0."""
    assert limited(8, limit) == left


def test_the_state_after_a_full_epoch_begins_the_next(dataset: ClipDataset):
    whole = loader(dataset)
    for _ in whole:
        pass
    resumed = loader(dataset)
    resumed.load_state_dict(whole.state_dict())
    first = ids(next(iter(resumed)))
    assert {epoch for *_, epoch in first} == {1}
    assert first == ids(next(iter(whole)))


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # on a machine with one core
def test_two_workers_deliver_the_batches_of_none(dataset: ClipDataset):
    alone, spawned = loader(dataset, batch_size=28), loader(dataset, workers=2, batch_size=28)
    for _ in range(2):
        for expected, found in zip(alone, spawned, strict=True):
            assert ids(expected) == ids(found)
            assert expected.frames.equal(found.frames)
            assert expected.motion.equal(found.motion)
            for one, other in zip(expected.pasted, found.pasted, strict=True):
                assert bool(one) == bool(other)
                for ours, theirs in zip(one.anomaly or (), other.anomaly or (), strict=True):
                    assert (ours.top, ours.left) == (theirs.top, theirs.left)
                    assert np.array_equal(ours.image, theirs.image)
                    assert np.array_equal(ours.alpha, theirs.alpha)
