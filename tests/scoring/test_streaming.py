import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.core import UsageError
from aed_lightning.scoring.rules import PaperRule
from aed_lightning.scoring.streaming import stream_scores, stream_smoother
from aed_lightning.scoring.temporal import smooth, smooth_causal


def streamed(stream, index, values, blocks=(1,)):
    """Fed in blocks of these sizes in turn."""
    found, place, sizes = [], 0, itertools.cycle(blocks)
    while place < len(index):
        end = place + next(sizes)
        found += stream.extend(index[place:end].tolist(), values[place:end])
        place = end
    return found + stream.flush()


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.floats(0, 6),
    st.booleans(),
    st.integers(1, 3),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
)
def test_a_stream_gives_every_frame_the_value_of_the_whole_video(lengths, sigma, causal, stride, blocks):
    gaps = np.cumsum([0] + [length * stride + 5 for length in lengths])
    index = np.concatenate([start + stride * np.arange(length) for start, length in zip(gaps, lengths, strict=False)])
    raw = np.random.default_rng(len(index)).random(len(index))
    found = streamed(stream_smoother(sigma, causal=causal, stride=stride), index, raw, blocks)
    assert [frame for frame, _ in found] == index.tolist()
    expected = (smooth_causal if causal else smooth)(raw, index, sigma, stride)
    np.testing.assert_allclose([value for _, value in found], expected, rtol=0, atol=1e-12)


def test_centered_values_come_when_their_window_is_full_and_causal_ones_at_once():
    centered, causal = stream_smoother(2.0, causal=False), stream_smoother(2.0, causal=True)
    assert (centered.delay, causal.delay) == (8, 0)
    for frame in range(100):
        assert [index for index, _ in centered.extend([frame], np.ones(1))] == ([frame - 8] if frame >= 8 else [])
        assert [index for index, _ in causal.extend([frame], np.ones(1))] == [frame]
    assert [index for index, _ in centered.flush()] == list(range(92, 100))
    assert causal.flush() == centered.flush() == []


def test_a_gap_ends_the_run_before_it():
    smoother = stream_smoother(3.0, causal=False)
    for frame in range(5):
        assert smoother.extend([frame], np.array([float(frame)])) == []
    assert [index for index, _ in smoother.extend([9], np.ones(1))] == [0, 1, 2, 3, 4]
    assert smoother.flush() == [(9, 1.0)]


@pytest.mark.parametrize("size", [1, 4, 9])
@pytest.mark.parametrize("frames", [1, 3, 40])
def test_a_rule_that_filters_over_time_gives_the_scores_of_the_whole_video(size, frames):
    rule = PaperRule(filter_size=size)
    maps = np.random.default_rng(0).random((frames, 6, 8)).astype(np.float32)
    found = streamed(stream_scores(rule), np.arange(frames), maps, (7, 1, 16))
    assert [frame for frame, _ in found] == list(range(frames))
    np.testing.assert_allclose([score for _, score in found], rule.video_scores(maps), rtol=1e-5)


def test_memory_is_that_of_the_window_whatever_the_length():
    for causal in (False, True):
        smoother = stream_smoother(5.0, causal=causal)
        for frame in range(2000):
            smoother.extend([frame], np.ones(1))
            assert len(smoother._kept) <= 41


def test_frames_out_of_order_and_impossible_parameters_are_refused():
    smoother = stream_smoother(1.0, causal=True)
    smoother.extend([4], np.zeros(1))
    for frame in (4, 3):
        with pytest.raises(ValueError, match=f"frame {frame} after frame 4"):
            smoother.extend([frame], np.zeros(1))
    for sigma, stride in ((-1.0, 1), (float("nan"), 1), (1.0, 0)):
        with pytest.raises(UsageError):
            stream_smoother(sigma, causal=False, stride=stride)
