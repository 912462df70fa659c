import os
import signal
import threading
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from typing import ClassVar

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


@pytest.mark.parametrize("cuts", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_stream_that_is_cut_is_read_again_within_ten_seconds_of_its_return(server: StreamServer, cuts: int):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        for cut in range(cuts):
            until(events, Picture)
            server.away.set()
            for _ in range(4 if cut % 5 == 4 else 1):  # after more attempts the pauses are longer
                lost = until(events, Lost)
                assert "secret" not in lost.reason
                assert "hidden" not in lost.reason
            server.away.clear()
            back = time.monotonic()
            until(events, Picture)
            assert time.monotonic() - back < 10
    assert server.connections >= cuts + 1


def test_a_stream_that_comes_back_while_opening_it_hangs_is_read_within_ten_seconds(server: StreamServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        until(events, Picture)
        server.deaf.set()
        until(events, Lost)
        found = threading.Thread(target=until, args=(events, Picture), daemon=True)
        found.start()
        assert server.asked.wait(60)
        server.deaf.clear()
        found.join(10)
        assert not found.is_alive()


def test_an_opening_that_no_time_out_ends_is_ended(server: StreamServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_read", opens_for_ever)
    monkeypatch.setattr(live, "OPEN_SECONDS", 0.2)
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        assert isinstance(next(events), Lost)
        monkeypatch.undo()
        until(events, Picture)


def opens_for_ever(_: str, pipe: Connection) -> None:
    pipe.send(True)
    signal.pause()


def test_a_process_that_cannot_be_killed_is_waited_for_no_longer_than_said():
    class Stuck:
        exitcode = None
        waited: ClassVar[list[float]] = []

        def kill(self) -> None:
            """In a driver that does not return."""

        def join(self, seconds: float) -> None:
            self.waited.append(seconds)

    reader = LiveReader("0")
    reader._child = Stuck()
    reader.close()
    assert Stuck.waited == [live.END_SECONDS]


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
    os.kill(pid, signal.SIGSTOP)  # as a native call that does not return
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
