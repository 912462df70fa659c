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
from waiting import next_of

from aed_lightning.data.readers import live
from aed_lightning.data.readers.live import LiveReader, Lost, Picture


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with stream_server() as found:
        yield found


def first_picture(events: Iterator[Picture | Lost]) -> float:
    """The seconds until it comes: what it takes here to start the reading process and to open the stream."""
    began = time.monotonic()
    next_of(Picture, events)
    return time.monotonic() - began


def test_frames_come_as_they_are_sent(server: StreamServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        pictures = [next_of(Picture, events) for _ in range(40)]
    assert {picture.frame.shape for picture in pictures} == {(32, 64, 3)}
    came = [picture.came for picture in pictures]
    assert came == sorted(came)


@pytest.mark.parametrize("cuts", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_stream_that_is_cut_is_read_again_within_ten_seconds_of_its_return(server: StreamServer, cuts: int):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        usual = first_picture(events)
        for cut in range(cuts):
            server.away.set()
            for _ in range(4 if cut % 5 == 4 else 1):  # after more attempts the pauses are longer
                lost = next_of(Lost, events)
                assert "secret" not in lost.reason
                assert "hidden" not in lost.reason
            server.away.clear()
            back = time.monotonic()
            next_of(Picture, events)
            assert time.monotonic() - back < 10 + 2 * usual
    assert server.connections >= cuts + 1


def test_a_stream_that_comes_back_while_opening_it_hangs_is_read_within_ten_seconds(server: StreamServer):
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        usual = first_picture(events)
        server.deaf.set()
        next_of(Lost, events)
        found = threading.Thread(target=next_of, args=(Picture, events), daemon=True)
        found.start()
        assert server.asked.wait(300)
        server.deaf.clear()
        found.join(10 + 2 * usual)
        assert not found.is_alive()


def test_an_opening_that_no_time_out_ends_is_ended(server: StreamServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_read", opens_for_ever)
    monkeypatch.setattr(live, "OPEN_SECONDS", 0.2)
    with LiveReader(server.address) as reader:
        events = reader.pictures()
        assert isinstance(next(events), Lost)
        monkeypatch.undo()
        next_of(Picture, events)


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
        usual = first_picture(events)
        server.stalled.set()
        stalled = time.monotonic()
        next_of(Lost, events)
        assert time.monotonic() - stalled < live.STALL_SECONDS + 2 + usual
        server.stalled.clear()
        next_of(Picture, events)


def test_an_address_where_nobody_answers_is_tried_again_and_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "LONGEST_PAUSE", 0.3)
    with stream_server() as server:
        address = server.address
    with LiveReader(address) as reader:
        assert all(isinstance(event, Lost) for event in islice(reader.pictures(), 3))


def test_closing_ends_the_reading_process_even_while_it_hangs(server: StreamServer):
    reader = LiveReader(server.address)
    next_of(Picture, reader.pictures())
    child = reader._child
    assert child is not None
    pid = child.pid
    os.kill(pid, signal.SIGSTOP)  # as a native call that does not return
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
