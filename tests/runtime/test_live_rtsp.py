import time
from collections.abc import Iterator
from itertools import islice

import pytest
from rtsp_server import RtspServer

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


def until(events: Iterator[Picture | Lost], kind: type) -> Picture | Lost:
    return next(event for event in events if isinstance(event, kind))


def test_frames_of_an_rtsp_server_come_as_they_are_sent(server: RtspServer):
    with LiveReader(server.address) as reader:
        pictures = list(islice((event for event in reader.pictures() if isinstance(event, Picture)), 30))
    assert {picture.frame.shape for picture in pictures} == {(48, 64, 3)}
    assert len({picture.frame.tobytes() for picture in pictures}) > 20  # the ball walks


@pytest.mark.parametrize("cuts", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_an_rtsp_server_that_was_killed_is_read_within_ten_seconds_of_its_return(server: RtspServer, cuts: int):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        for _ in range(cuts):
            until(events, Picture)
            server.cut()
            lost = until(events, Lost)
            assert "secret" not in lost.reason
            server.start()
            back = time.monotonic()
            until(events, Picture)
            assert time.monotonic() - back < 10


def test_an_rtsp_server_that_hangs_is_noticed_and_read_anew(server: RtspServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        until(events, Picture)
        server.freeze()
        for number in range(2):  # the stream that stalls, and the opening that gets no answer
            lost = until(events, Lost)
            assert (f"no frame for {live.STALL_SECONDS:g} s" in lost.reason) == (number == 0)
        server.thaw()
        back = time.monotonic()
        until(events, Picture)
        assert time.monotonic() - back < 10
