import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.core import UsageError
from aed_lightning.scoring.streaming import StreamSmoother
from aed_lightning.scoring.temporal import smooth, smooth_causal


def streamed(raw, index, sigma, **options):
    smoother = StreamSmoother(sigma, **options)
    found = [
        pair for frame, value in zip(index.tolist(), raw.tolist(), strict=True) for pair in smoother.push(frame, value)
    ]
    return found + smoother.flush()


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.floats(0, 6), st.booleans(), st.integers(1, 3))
def test_a_stream_gives_every_frame_the_value_of_the_whole_video(lengths, sigma, causal, stride):
    gaps = np.cumsum([0] + [length * stride + 5 for length in lengths])
    index = np.concatenate([start + stride * np.arange(length) for start, length in zip(gaps, lengths, strict=False)])
    raw = np.random.default_rng(len(index)).random(len(index))
    found = streamed(raw, index, sigma, causal=causal, stride=stride)
    assert [frame for frame, _ in found] == index.tolist()
    expected = (smooth_causal if causal else smooth)(raw, index, sigma, stride)
    np.testing.assert_allclose([value for _, value in found], expected, rtol=0, atol=1e-12)


def test_centered_values_come_when_their_window_is_full_and_causal_ones_at_once():
    centered, causal = StreamSmoother(2.0, causal=False), StreamSmoother(2.0, causal=True)
    assert (centered.delay, causal.delay) == (8, 0)
    for frame in range(100):
        assert [index for index, _ in centered.push(frame, 1.0)] == ([frame - 8] if frame >= 8 else [])
        assert [index for index, _ in causal.push(frame, 1.0)] == [frame]
    assert [index for index, _ in centered.flush()] == list(range(92, 100))
    assert causal.flush() == centered.flush() == []


def test_a_gap_ends_the_run_before_it():
    smoother = StreamSmoother(3.0, causal=False)
    for frame in range(5):
        assert smoother.push(frame, float(frame)) == []
    assert [index for index, _ in smoother.push(9, 1.0)] == [0, 1, 2, 3, 4]
    assert smoother.flush() == [(9, 1.0)]


def test_memory_is_that_of_the_window_whatever_the_length():
    for causal in (False, True):
        smoother = StreamSmoother(5.0, causal=causal)
        for frame in range(2000):
            smoother.push(frame, 0.5)
            assert len(smoother._raw) <= 41


def test_frames_out_of_order_and_impossible_parameters_are_refused():
    smoother = StreamSmoother(1.0, causal=True)
    smoother.push(4, 0.0)
    for frame in (4, 3):
        with pytest.raises(ValueError, match=f"frame {frame} after frame 4"):
            smoother.push(frame, 0.0)
    for sigma, stride in ((-1.0, 1), (float("nan"), 1), (1.0, 0)):
        with pytest.raises(UsageError):
            StreamSmoother(sigma, causal=False, stride=stride)
