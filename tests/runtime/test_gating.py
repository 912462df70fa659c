import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aed_lightning.core import UsageError
from aed_lightning.runtime.gating import Gate, filled, largest_change
from aed_lightning.runtime.scorer import _batches
from aed_lightning.runtime.windows import Window

CELL = 4


def clip(index: int, value: int = 0) -> Window:
    """A clip whose middle frame has one bright cell."""
    frames = np.zeros((3, 1, 8, 8), np.uint8)
    frames[1, 0, :4, 4:] = value
    return Window(index, frames, warm_up=False)


def computed(gate: Gate, windows: list[Window], stride: int = 1) -> list[int]:
    marked = list(gate.mark(windows, CELL, stride))
    assert [window.frame_index for window in marked] == [window.frame_index for window in windows]
    return [window.frame_index for window in marked if window.computed]


def test_without_skipping_every_frame_is_computed():
    assert computed(Gate(), [clip(index) for index in range(5)]) == [0, 1, 2, 3, 4]


def test_still_frames_are_left_out_but_for_every_so_manyth_and_the_ends():
    assert computed(Gate(3, 5.0), [clip(index) for index in range(11)]) == [0, 4, 8, 10]
    assert computed(Gate(1), [clip(index) for index in range(0, 12, 2)], stride=2) == [0, 4, 8, 10]


def test_a_cell_that_changes_is_computed_also_where_it_changes_slowly():
    jump = [clip(index, 100 if index >= 5 else 0) for index in range(9)]
    assert computed(Gate(7, 50.0), jump) == [0, 5, 8]
    assert computed(Gate(7, 101.0), jump) == [0, 8]
    slow = [clip(index, 10 * index) for index in range(9)]
    assert computed(Gate(7, 30.0), slow) == [0, 3, 6, 8]  # since the last computed one, not since the last


def test_nothing_is_left_out_across_a_gap():
    windows = [clip(index) for index in (0, 1, 2, 3, 8, 9, 10)]
    assert computed(Gate(15, 5.0), windows) == [0, 3, 8, 10]


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.integers(0, 6), st.integers(1, 60), st.integers(1, 3))
def test_wherever_one_begins_at_a_period_the_same_frames_are_computed(values, skip, levels, stride):
    gate = Gate(skip, float(levels))
    windows = [clip(stride * place, value) for place, value in enumerate(values)]
    whole = computed(gate, windows, stride)
    for begin in range(0, len(values), skip + 1):
        assert computed(gate, windows[begin:], stride) == [index for index in whole if index >= begin * stride]
    longest = max(np.diff(whole), default=0)
    assert longest <= gate.period(stride)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.integers(0, 5), st.integers(1, 4))
def test_values_between_are_the_same_however_the_clips_are_batched(values, skip, size):
    windows = [clip(index, value) for index, value in enumerate(values)]
    marked = list(Gate(skip, 40.0).mark(windows, CELL, 1))
    known = {window.frame_index: float(window.frame_index**2) for window in marked if window.computed}
    expected = np.interp(range(len(values)), list(known), list(known.values()))
    found, before = [], -1
    for batch in _batches(marked, size):
        assert batch[-1].computed
        of_batch = [known[window.frame_index] for window in batch if window.computed]
        of_batch = of_batch if batch[0].computed else [known[before], *of_batch]
        found += filled(batch, np.array(of_batch), before).tolist()
        before = batch[-1].frame_index
    np.testing.assert_allclose(found, expected)


def test_a_change_is_the_mean_over_the_cell_and_channel_that_changed_most():
    before, after = np.zeros((2, 8, 12), np.uint8), np.zeros((2, 8, 12), np.uint8)
    after[1, 4:, 8:] = 40
    after[1, 4, 8] = 200
    after[0, 0, 0] = 255
    assert largest_change(after, before, CELL) == pytest.approx((15 * 40 + 200) / 16)
    assert largest_change(before, after, CELL) == largest_change(after, before, CELL)


@pytest.mark.parametrize("shape", [(), (3, 2)])
def test_what_is_left_out_lies_on_a_line_between_its_neighbors(shape):
    windows = list(Gate(3).mark([clip(index) for index in (10, 12, 14, 16, 18, 20)], CELL, 2))
    assert [window.frame_index for window in windows if window.computed] == [10, 16, 20]
    known = np.random.default_rng(0).random((3, *shape), np.float32)
    found = filled(windows, known, -1)
    assert found.dtype == np.float32
    expected = np.stack(
        [np.interp([10, 12, 14, 16, 18, 20], [10, 16, 20], column) for column in known.reshape(3, -1).T]
    )
    np.testing.assert_allclose(found.reshape(6, -1).T, expected, rtol=1e-6)
    np.testing.assert_array_equal(filled(windows[1:], known, 10), found[1:])


@pytest.mark.parametrize(
    ("skip", "levels", "message"), [(-1, 5.0, "--skip -1"), (3, 0.0, "--gate 0.0"), (3, float("nan"), "--gate nan")]
)
def test_what_makes_no_gate_is_refused(skip, levels, message):
    with pytest.raises(UsageError, match=message):
        Gate(skip, levels)
