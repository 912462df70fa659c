import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aed_lightning.runtime.windows import Windows


def frame(index):
    return np.full((1, 2, 2), index, np.uint8)


def windows(indices, offset=3, stride=1):
    maker = Windows(offset, stride)
    made = [window for index in indices for window in maker.push(index, frame(index))]
    return made + maker.flush()


def instants(window):
    return window.frames[:, 0, 0, 0].tolist()


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4))
def test_clips_are_those_of_the_data_module(frames, offset, stride):
    made = windows(range(frames), offset, stride)
    assert [window.frame_index for window in made] == list(range(0, frames, stride))
    for window in made:
        middle = window.frame_index
        before, after = middle - offset, middle + offset
        assert instants(window) == [before if before >= 0 else middle, middle, after if after < frames else middle]
        assert window.warm_up == (before < 0)


def test_a_clip_comes_with_its_last_frame():
    maker = Windows(3)
    for index in range(50):
        made = maker.push(index, frame(index))
        assert [window.frame_index for window in made] == ([index - 3] if index >= 3 else [])
    assert [window.frame_index for window in maker.flush()] == [47, 48, 49]
    assert maker.flush() == []


def test_no_clip_reaches_across_a_gap_and_what_comes_after_it_warms_up_again():
    made = windows([*range(10), *range(14, 24)])
    assert [window.frame_index for window in made] == [*range(10), *range(14, 24)]
    for window in made:
        assert all((instant < 10) == (window.frame_index < 10) for instant in instants(window))
        assert window.warm_up == (window.frame_index in (0, 1, 2, 14, 15, 16))
    assert instants(made[9]) == [6, 9, 9]
    assert instants(made[10]) == [14, 14, 17]


@pytest.mark.parametrize("frames", [1, 2])
def test_the_shortest_videos_make_clips_of_what_there_is(frames):
    assert [instants(window) for window in windows(range(frames))] == [[index] * 3 for index in range(frames)]
