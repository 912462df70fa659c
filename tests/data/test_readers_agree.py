import random

import numpy as np
import pytest
from footage import FOOTAGE, SIZE, moving

from aed_lightning.core import DataError
from aed_lightning.data.readers import open_video

REFUSED_BY_DECORD = {
    "cut.mp4": r"decord counts 92 frames, OpenCV decodes \d\d; use reader opencv",
    "ten-bit.mp4": r"frame 0 of 60 is not the same in decord",
    "raw.h264": r"cannot be opened by decord",
}


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    for name, write in FOOTAGE.items():
        write(folder / name)
    return folder


@pytest.fixture(scope="module")
def expected(footage):
    return {name: list(open_video(footage / name).frames()) for name in FOOTAGE}


@pytest.mark.parametrize("name", FOOTAGE)
def test_opencv_decodes_what_was_written(expected, name):
    frames = expected[name]
    first, count = (0, 60) if name != "cut.mp4" else (100 - len(frames), len(frames))
    assert len(frames) == count
    assert frames[0].shape[:2] == (SIZE[::-1] if name == "turned.mp4" else SIZE)
    written = [moving(first + index) for index in range(count)]
    shown = [np.rot90(frame) for frame in frames] if name == "turned.mp4" else frames
    for index in range(1, count - 1):
        distances = [np.abs(shown[index].astype(int) - other).mean() for other in written[index - 1 : index + 2]]
        assert int(np.argmin(distances)) == 1


@pytest.mark.parametrize("name", FOOTAGE)
def test_pyav_gives_the_very_frames_of_opencv(footage, expected, name):
    opencv, pyav = open_video(footage / name), open_video(footage / name, "pyav")
    assert (pyav.claimed_frames, pyav.fps) == (opencv.claimed_frames, opencv.fps)
    frames = list(pyav.frames())
    assert len(frames) == len(expected[name])
    assert all(map(np.array_equal, frames, expected[name]))


@pytest.mark.parametrize("name", FOOTAGE)
def test_decord_gives_the_very_frames_of_opencv_or_refuses(footage, expected, name):
    reader = open_video(footage / name, "decord")
    if name in REFUSED_BY_DECORD:
        with pytest.raises(DataError, match=REFUSED_BY_DECORD[name]):
            next(reader.frames())
        with pytest.raises(DataError, match=REFUSED_BY_DECORD[name]):
            next(reader.at([3]))
    else:
        frames = list(reader.frames())
        assert len(frames) == len(expected[name])
        assert all(map(np.array_equal, frames, expected[name]))


@pytest.mark.parametrize("reader", ["opencv", "pyav", "decord"])
@pytest.mark.parametrize("name", FOOTAGE)
def test_a_frame_by_its_number_is_that_of_the_sequential_pass(footage, expected, name, reader):
    if reader == "decord" and name in REFUSED_BY_DECORD:
        pytest.skip("decord refuses this file")
    frames = expected[name]
    # PyAV jumps over ground that it has seen: the last frame comes first.
    many = reader == "pyav" and name != "refresh.mp4"
    indices = [len(frames) - 1, *random.Random(0).sample(range(len(frames)), 40 if many else 6)]
    for index, frame in zip(indices, open_video(footage / name, reader).at(indices), strict=True):
        assert np.array_equal(frame, frames[index]), index


@pytest.mark.parametrize("reader", ["opencv", "pyav", "decord"])
@pytest.mark.parametrize("name", FOOTAGE)
def test_frames_that_are_not_wanted_are_passed_and_change_no_other(footage, expected, name, reader):
    if reader == "decord" and name in REFUSED_BY_DECORD:
        pytest.skip("decord refuses this file")
    found = list(open_video(footage / name, reader).some(lambda number: number % 3 == 1))
    assert len(found) == len(expected[name])
    for number, (frame, all_of_them) in enumerate(zip(found, expected[name], strict=True)):
        assert np.array_equal(frame, all_of_them) if number % 3 == 1 else frame is None


def test_neighboring_clips_decode_each_frame_once(footage, monkeypatch):
    from aed_lightning.data.readers.opencv import _Capture

    reads = []
    read = _Capture.read
    monkeypatch.setattr(_Capture, "read", lambda self: reads.append(1) or read(self))
    reader = open_video(footage / "h264.mp4")
    for middle in range(3, 40):
        list(reader.at([middle - 3, middle, middle + 3]))
    assert len(reads) == 43


def test_what_is_drawn_into_a_frame_does_not_come_back(footage, expected):
    reader = open_video(footage / "h264.mp4")
    (frame,) = reader.at([5])
    frame[:] = 0
    (again,) = reader.at([5])
    assert np.array_equal(again, expected["h264.mp4"][5])


@pytest.mark.parametrize("reader", ["opencv", "pyav", "decord"])
def test_a_number_that_the_video_does_not_have_is_refused(footage, expected, reader):
    video = open_video(footage / "mpeg4.avi", reader)
    with pytest.raises(DataError, match=r"has 60 frames \(60 promised by the container\): there is no frame 60"):
        list(video.at([60]))
    with pytest.raises(DataError, match="has no frame -1"):
        list(video.at([-1]))
    (frame,) = video.at([59])
    assert np.array_equal(frame, expected["mpeg4.avi"][59])
