import time
from collections.abc import Iterator

import pytest
from rtsp_server import RtspServer
from waiting import next_of

from aed_lightning.data.readers import live
from aed_lightning.data.readers.live import LiveReader, Lost, Picture


@pytest.fixture
def server() -> Iterator[RtspServer]:
    server = RtspServer()
    try:
        server.start()
    except OSError as error:
        pytest.skip(f"GStreamer's RTSP server is not installed ({error})")
    try:
        yield server
    finally:
        server.cut()


def first_picture(events: Iterator[Picture | Lost]) -> float:
    """The seconds until it comes: what it takes here to start the reading process and to open the stream."""
    began = time.monotonic()
    next_of(Picture, events)
    return time.monotonic() - began


def test_frames_of_an_rtsp_server_come_as_they_are_sent(server: RtspServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        pictures = [next_of(Picture, events) for _ in range(30)]
    assert {picture.frame.shape for picture in pictures} == {(48, 64, 3)}
    assert len({picture.frame.tobytes() for picture in pictures}) > 20  # the ball walks


@pytest.mark.parametrize("cuts", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_an_rtsp_server_that_was_killed_is_read_within_ten_seconds_of_its_return(server: RtspServer, cuts: int):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        usual = first_picture(events)
        for _ in range(cuts):
            server.cut()
            lost = next_of(Lost, events)
            assert "secret" not in lost.reason
            server.start()
            back = time.monotonic()
            next_of(Picture, events)
            assert time.monotonic() - back < 10 + 2 * usual


def test_an_rtsp_server_that_hangs_is_noticed_and_read_anew(server: RtspServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        usual = first_picture(events)
        server.freeze()
        for number in range(2):  # the stream that stalls, and the opening that gets no answer
            lost = next_of(Lost, events)
            assert (f"no frame for {live.STALL_SECONDS:g} s" in lost.reason) == (number == 0)
        server.thaw()
        back = time.monotonic()
        next_of(Picture, events)
        assert time.monotonic() - back < 10 + 2 * usual
