import io

import pytest
from rich.console import Console

from aed_lightning.data import progress
from aed_lightning.data.progress import PlainProgress, RichProgress, default_progress


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def test_each_finished_video_has_a_line_with_the_rate_in_total_and_the_time_left(clock, capsys):
    plain = PlainProgress()
    plain.start(3, 1000)
    clock.now += 2
    plain.frames(150)
    plain.frames(50)
    plain.video("02")
    clock.now += 2
    plain.frames(800)
    plain.video("01")
    assert capsys.readouterr().out.splitlines() == [
        "[1/3] 02: 200 of 1000 frames, 100 frames/s, 0:00:08 left",
        "[2/3] 01: 1000 of 1000 frames, 250 frames/s, 0:00:00 left",
    ]


def test_a_long_video_is_heard_of_once_a_minute(clock, capsys):
    plain = PlainProgress()
    plain.start(1, 40000)
    for _ in range(130):
        clock.now += 1
        plain.frames(10)
    assert capsys.readouterr().out.splitlines() == [
        "[0/1]: 600 of 40000 frames, 10 frames/s, 1:05:40 left",
        "[0/1]: 1200 of 40000 frames, 10 frames/s, 1:04:40 left",
    ]


def test_where_video_is_played_the_pace_is_told_in_its_time_too(clock, capsys):
    plain = PlainProgress()
    plain.start(1, 400)
    clock.now += 2
    plain.frames(100, 4.0)
    plain.frames(100, 1.0)
    plain.video("v")
    assert "200 of 400 frames, 100 frames/s, 2.5 times real time, 0:00:02 left" in capsys.readouterr().out


def test_more_frames_than_promised_leave_no_negative_time(clock, capsys):
    plain = PlainProgress()
    plain.start(1, 10)
    clock.now += 1
    plain.frames(30)
    plain.video("v")
    assert "30 of 30 frames, 30 frames/s, 0:00:00 left" in capsys.readouterr().out


def test_a_terminal_gets_a_bar_over_the_frames(clock, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr("rich.get_console", lambda: Console(file=shown, force_terminal=True, width=120))
    monkeypatch.setattr("rich.progress.get_console", lambda: Console(file=shown, force_terminal=True, width=120))
    bar = RichProgress()
    bar.start(2, 100)
    clock.now += 1
    bar.frames(25)
    bar.video("a")
    bar.note("something [odd]")
    bar.done()
    assert "1/2 videos" in shown.getvalue()
    assert "25 of 100 frames, 25 frames/s, 0:00:03 left" in shown.getvalue()
    assert "something [odd]" in shown.getvalue()


def test_without_a_terminal_there_are_lines(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert isinstance(default_progress(), PlainProgress)
