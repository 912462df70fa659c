import os
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from stream_server import StreamServer, stream_server

from aed_lightning.data.readers import live
from aed_lightning.data.readers.live import LiveReader, Lost, Picture


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with stream_server() as found:
        yield found


def until(events: Iterator[Picture | Lost], kind: type) -> Picture | Lost:
    return next(event for event in events if isinstance(event, kind))


def test_frames_come_as_they_are_sent(server: StreamServer):
    with LiveReader(server.address) as reader:
        pictures = list(islice(reader.pictures(), 40))
    assert all(isinstance(picture, Picture) for picture in pictures)
    assert {picture.frame.shape for picture in pictures} == {(32, 64, 3)}
    came = [picture.came for picture in pictures]
    assert came == sorted(came)


def test_a_stream_that_is_cut_is_read_again_when_it_is_back(server: StreamServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        for _ in range(3):
            until(events, Picture)
            server.away.set()
            lost = until(events, Lost)
            assert "secret" not in lost.reason
            assert "hidden" not in lost.reason
            server.away.clear()
            back = time.monotonic()
            until(events, Picture)
            assert time.monotonic() - back < 10
    assert server.connections >= 4


def test_a_stream_that_hangs_is_noticed_and_read_anew(server: StreamServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        until(events, Picture)
        server.stalled.set()
        stalled = time.monotonic()
        until(events, Lost)
        assert time.monotonic() - stalled < live.STALL_SECONDS + 2
        server.stalled.clear()
        until(events, Picture)


def test_an_address_where_nobody_answers_is_tried_again_and_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "LONGEST_PAUSE", 0.3)
    with stream_server() as server:
        address = server.address
    with LiveReader(address) as reader:
        assert all(isinstance(event, Lost) for event in islice(reader.pictures(), 3))


def test_closing_ends_the_reading_process_even_while_it_hangs(server: StreamServer):
    reader = LiveReader(server.address)
    until(reader.pictures(), Picture)
    child = reader._child
    assert child is not None
    pid = child.pid
    server.stalled.set()
    time.sleep(0.5)  # now the child waits in a native call
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
