import threading
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from aed_lightning.data.readers.live import LiveReader, Lost, Picture
from aed_lightning.runtime import live_windows
from aed_lightning.runtime.live_windows import QUEUE, LiveWindows
from aed_lightning.runtime.windows import Window


class Scripted(LiveReader):
    """Gives these events as fast as they are taken, then nothing until it is closed."""

    def __init__(self, *events: Picture | Lost) -> None:
        super().__init__("0")
        self._events, self.given = events, threading.Event()

    def pictures(self) -> Iterator[Picture | Lost]:
        yield from self._events
        self.given.set()
        self._closed.wait()


def frames(number: int, size: tuple[int, int] = (16, 24)) -> list[Picture]:
    return [Picture(np.full((*size, 3), index, np.uint8), float(index)) for index in range(number)]


def soon() -> threading.Event:
    """It comes after a while, and ends what would wait for ever where clips are missing."""
    ended = threading.Event()
    timer = threading.Timer(60, ended.set)
    timer.daemon = True
    timer.start()
    return ended


def taken(reader: LiveReader, number: int, stride: int = 1, **options) -> tuple[list[list[Window]], LiveWindows]:
    """So many batches, of clips three frames apart."""
    say = options.pop("say", lambda _: None)
    with reader, LiveWindows(reader, (8, 8, 1), 3, stride, say, ended=soon(), **options) as live:
        return list(islice(live.batches(), number)), live


AWAY = Lost("gone")
ANOTHER_SIZE = frames(4, (24, 16))


@pytest.mark.parametrize("after", [[AWAY, *frames(4)], ANOTHER_SIZE], ids=["outage", "another size"])
def test_the_clips_before_a_gap_wait_for_room_and_none_is_lost(after):
    batches, live = taken(Scripted(*frames(4), *after), 6)
    numbers = [[(window.frame_index, window.dropped) for window in batch] for batch in batches]
    assert numbers == [[(0, 0)], [(1, 0)], [(2, 0)], [(3, 0)], [], [(5, 0)]]
    assert live.longest_queue <= QUEUE


@pytest.mark.parametrize("after", [[AWAY, *frames(5)], frames(5, (24, 16))], ids=["outage", "another size"])
def test_a_gap_shows_in_the_numbers_of_the_scored_frames_with_a_stride_too(after):
    batches, _ = taken(Scripted(*frames(5), *after), 5, stride=2)
    assert [[window.frame_index for window in batch] for batch in batches] == [[0], [2], [4], [], [8]]


def test_the_gap_is_told_once_between_what_stands_before_and_after_it():
    told: list[int] = []
    with (
        Scripted(*frames(4), AWAY, AWAY, AWAY, *frames(4)) as reader,
        LiveWindows(reader, (8, 8, 1), 3, 1, lambda _: None, gap=lambda: told.append(taken), ended=soon()) as live,
    ):
        for taken, batch in enumerate(live.batches()):
            assert told == ([] if taken < 5 else [4])
            if taken == 5:
                assert batch[0].frame_index == 5
                break
    assert taken == 5


def test_without_a_gap_the_oldest_that_waits_gives_way():
    reader = Scripted(*frames(9))
    with reader, LiveWindows(reader, (8, 8, 1), 3, 1, lambda _: None, ended=soon()) as live:
        assert reader.given.wait(60)
        batches = list(islice(live.batches(), 2))
    assert [(batch[0].frame_index, batch[0].dropped) for batch in batches] == [(4, 4), (5, 0)]
    assert live.longest_queue == QUEUE


def test_a_gap_that_nobody_takes_does_not_keep_it_from_ending():
    reader = Scripted(*frames(4), AWAY)
    with reader, LiveWindows(reader, (8, 8, 1), 3, 1, lambda _: None) as live:
        pass
    live._thread.join(60)
    assert not live._thread.is_alive()


def test_how_it_goes_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_windows, "SECONDS_BETWEEN_LINES", 0.0)
    said: list[str] = []
    taken(Scripted(*frames(4), AWAY), 5, say=said.append)
    assert any(line.startswith("4 frames, ") and line.endswith(" 0 dropped; the stream is away") for line in said)
