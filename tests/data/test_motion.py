import numpy as np
import pytest

from aed_lightning.core import UsageError
from aed_lightning.data.motion import motion_maxima, stream_motion


def plain_maxima(frames, cell):
    values, last = frames.astype(int), len(frames) - 1
    count, channels, height, width = frames.shape
    maxima = np.zeros((count, channels, height // cell, width // cell), dtype=int)
    for t, c, y, x in np.ndindex(frames.shape):
        before, after = values[max(t - 1, 0), c, y, x], values[min(t + 1, last), c, y, x]
        maxima[t, c, y // cell, x // cell] = max(maxima[t, c, y // cell, x // cell], abs(before - after))
    return maxima


@pytest.mark.parametrize("shape", [(5, 3, 8, 12), (2, 1, 4, 4), (1, 1, 4, 8), (3, 3, 6, 6)])
@pytest.mark.parametrize("cell", [1, 2])
def test_motion_equals_a_plain_loop_also_at_the_first_and_last_frame(shape, cell):
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(motion_maxima(frames, cell), plain_maxima(frames, cell))


def test_differences_do_not_wrap_around():
    frames = np.array([0, 0, 255, 10], dtype=np.uint8).reshape(4, 1, 1, 1)
    assert motion_maxima(frames, 1).ravel().tolist() == [0, 255, 10, 245]


def test_a_single_frame_has_no_motion():
    assert not motion_maxima(np.full((1, 3, 4, 4), 77, dtype=np.uint8), 4).any()


def test_the_stream_gives_the_same_and_never_holds_more_than_three_frames():
    frames = np.random.default_rng(1).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    handed = 0

    def source():
        nonlocal handed
        for frame in frames:
            handed += 1
            yield frame

    for index, (frame, motion) in enumerate(stream_motion(source(), 4)):
        assert handed <= index + 2
        assert np.array_equal(frame, frames[index])
        assert np.array_equal(motion, plain_maxima(frames, 4)[index])


def test_a_frame_size_that_cells_do_not_tile_is_a_usage_error():
    with pytest.raises(UsageError, match="6x8 does not divide by cell 4"):
        motion_maxima(np.zeros((2, 1, 6, 8), dtype=np.uint8), 4)
