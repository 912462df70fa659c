import csv
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from event_receiver import event_receiver
from stream_server import StreamServer, stream_server
from waiting import in_a_thread, until

from aed_lightning.core import DataError
from aed_lightning.runtime import Scorer, load
from aed_lightning.runtime.cameras import score_cameras
from aed_lightning.runtime.live import score_live
from aed_lightning.runtime.live_windows import QUEUE, LiveWindows
from aed_lightning.runtime.notify import Notifier
from aed_lightning.runtime.recordings import Manner
from aed_lightning.runtime.results import Results
from aed_lightning.runtime.scorer import ScoredFrame
from aed_lightning.runtime.sources import LiveSource
from aed_lightning.runtime.windows import Window

QUIET = Manner(threshold=1e9, release=1e9, overlay=False)
LOUD = Manner(threshold=-1e9, release=-1e9, overlay=False)
LONGER = (8, 60, 240)
"""Seconds to try, one after the other: on a busy machine a camera takes long to be opened."""
NO_FRAME = "ended before a frame was scored"


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with stream_server() as found:
        yield found


def rows(folder: Path) -> list[dict[str, str]]:
    file = folder / "scores.csv"
    return list(csv.DictReader(file.read_text().splitlines())) if file.exists() else []


class Scoring:
    """`score_live` in a thread of its own, for as long as the test needs it."""

    def __init__(self, trained: Path, server: StreamServer, folder: Path, manner: Manner = QUIET, **options) -> None:
        self.said: list[str] = []
        self.folder, self._ended = folder, threading.Event()
        arguments = (load(trained), LiveSource(server.address), folder, manner, self.said.append, {"weights": "w"})
        self._work = in_a_thread(score_live, *arguments, ended=self._ended, **options)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until it holds: long on a busy machine, and never where it does not come."""
        deadline = time.monotonic() + 300
        while not condition():
            if self._work.done():
                self._work.result()
            assert time.monotonic() < deadline, (rows(self.folder)[-5:], self.said)
            time.sleep(0.05)

    def wait_for_rows(self, number: int) -> None:
        self.wait_for(lambda: len(rows(self.folder)) >= number)

    def tells(self, text: str) -> bool:
        return any(text in line for line in self.said)

    def end(self) -> LiveWindows:
        self._ended.set()
        return self._work.result(300)

    def __enter__(self) -> "Scoring":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def assert_accounted_for(lines: list[dict[str, str]]) -> None:
    """Every frame between two lines was dropped, and counted."""
    for before, line in pairwise(lines):
        assert int(line["frame"]) - int(before["frame"]) == int(line["dropped"]) + 1


def test_a_stream_is_scored_frame_by_frame_at_its_pace(server, trained: Path, tmp_path: Path):
    with Scoring(trained, server, tmp_path) as scoring:
        scoring.wait_for_rows(25)
    assert_accounted_for(rows(tmp_path))
    first = rows(tmp_path)[0]
    # What comes first comes in a burst, and there may be no time for the first frame.
    assert first["frame"] == first["dropped"]
    assert {int(row["frame"]) for row in rows(tmp_path) if row["warm_up"] == "1"} <= {0, 1, 2}
    assert scoring.end().longest_queue <= QUEUE
    seconds = [float(row["time"]) for row in rows(tmp_path)]
    assert seconds == sorted(seconds)
    assert [line for line in scoring.said if " frames, " not in line] == []  # how it goes, if it took a minute


def test_a_score_is_out_before_the_sixth_frame_after_it_comes(trained, tmp_path, monkeypatch):
    """And none is dropped: for 25 frames on end, at 10 frames a second, as soon as the machine is not too busy."""
    ahead: deque[int] = deque(maxlen=25)
    write, start = Results.write, LiveWindows.__enter__
    live: list[LiveWindows] = []

    def timed(self, frame, seconds):
        found = write(self, frame, seconds)
        # The frames that have come when the score is out: its own, three ahead of it, and at most two more.
        ahead.append(10**6 if frame.dropped else live[0].next_frame - frame.frame_index)
        return found

    monkeypatch.setattr(LiveWindows, "__enter__", lambda self: live.append(self) or start(self))
    monkeypatch.setattr(Results, "write", timed)
    with stream_server(fps=10) as server, Scoring(trained, server, tmp_path) as scoring:
        scoring.wait_for(lambda: len(ahead) == 25 and max(tuple(ahead)) <= 6)
    assert scoring.end().longest_queue <= QUEUE


def test_nothing_crosses_a_gap(server, trained: Path, tmp_path: Path):
    with Scoring(trained, server, tmp_path) as scoring:
        scoring.wait_for_rows(10)
        server.away.set()
        scoring.wait_for(lambda: scoring.tells("away"))
        before = len(rows(tmp_path))
        server.away.clear()
        scoring.wait_for(lambda: scoring.tells("back"))
        scoring.wait_for_rows(before + 15)
    frames = [int(row["frame"]) for row in rows(tmp_path)]
    dropped = {int(row["frame"]): int(row["dropped"]) for row in rows(tmp_path)}
    gaps = [frame for before, frame in pairwise(frames) if frame != before + 1 + dropped[frame]]
    assert len(gaps) == 1
    warm_up = {int(row["frame"]) for row in rows(tmp_path) if row["warm_up"] == "1"}
    began = gaps[0] - dropped[gaps[0]]
    assert warm_up == {frame for frame in frames if frame in (0, 1, 2, began, began + 1, began + 2)}
    after = rows(tmp_path)[frames.index(gaps[0])]
    assert float(after["smoothed"]) == pytest.approx(float(after["raw"]))


def test_an_event_is_told_when_the_stream_goes_away_and_another_begins_when_it_is_back(server, trained, tmp_path):
    def events() -> list[dict]:
        return json.loads((tmp_path / "events.json").read_text())["events"]

    with Scoring(trained, server, tmp_path, LOUD) as scoring:
        scoring.wait_for_rows(30)
        server.away.set()
        scoring.wait_for(lambda: scoring.tells("event from 0.0"))
        (event,) = events()
        assert event["end"] == int(rows(tmp_path)[-1]["frame"]) + 1
        before = len(rows(tmp_path))
        server.away.clear()
        scoring.wait_for_rows(before + 30)
    starts = [int(rows(tmp_path)[row]["frame"]) for row in (0, before)]
    assert starts[1] > event["end"]
    assert [found["start"] for found in events()] == starts


def test_what_there_is_no_time_for_is_dropped_and_counted(server, trained, tmp_path, monkeypatch):
    values = Scorer._values

    def slow(self, *given):
        time.sleep(0.2)
        return values(self, *given)

    monkeypatch.setattr(Scorer, "_values", slow)
    with Scoring(trained, server, tmp_path) as scoring:
        scoring.wait_for(lambda: sum(int(row["dropped"]) for row in rows(tmp_path)) > 20)
    assert_accounted_for(rows(tmp_path))
    live = scoring.end()
    assert live.longest_queue <= QUEUE
    assert len(live._pictures) <= QUEUE + 4


def test_another_size_after_a_gap_starts_anew(server, trained: Path, tmp_path: Path):
    with Scoring(trained, server, tmp_path) as scoring:
        scoring.wait_for_rows(5)
        server.away.set()
        scoring.wait_for(lambda: scoring.tells("away"))
        server.size = (48, 64)
        before = len(rows(tmp_path))
        server.away.clear()
        scoring.wait_for_rows(before + 5)
    assert "frames of 64x48 pixels instead of 64x32: scoring starts anew" in scoring.said


@pytest.mark.parametrize("causal", [False, True])
def test_a_run_of_frames_that_is_ended_has_all_its_scores_before_the_next_frame_comes(trained: Path, causal: bool):
    scorer = load(trained)
    generator = np.random.default_rng(0)
    pictures = [(number, generator.integers(0, 256, (32, 64, 3), np.uint8)) for number in (*range(8), *range(9, 15))]
    windows = list(scorer.windows(pictures))
    out: list[ScoredFrame] = []

    def batches() -> Iterator[list[Window]]:
        for window in windows:
            if window.frame_index == 9:
                yield []
                assert [frame.frame_index for frame in out] == list(range(8))
            yield [window]

    for frame in scorer.stream_windows("v", batches(), causal=causal):
        out.append(frame)
    plain = scorer.stream_windows("v", [[window] for window in windows], causal=causal)
    assert [(frame.frame_index, frame.smoothed) for frame in out] == [
        (frame.frame_index, frame.smoothed) for frame in plain
    ]


def test_no_password_is_in_any_output(command, server, trained: Path, tmp_path: Path):
    for seconds in LONGER:
        out = tmp_path / f"out-{seconds}"
        outcome = command(
            "score", "--weights", trained, "--source", server.address, "--out", out, "--seconds", seconds,
            "--quantile", 0.5, "--min-seconds", 0,
        )  # fmt: skip
        assert not any(secret in outcome.output + outcome.errors for secret in ("secret", "hidden"))
        if NO_FRAME not in outcome.errors:
            break
    assert outcome.code == 0, outcome
    written = [file.read_bytes() for file in out.rglob("*") if file.is_file()]
    assert not any(secret in content for secret in (b"secret", b"hidden") for content in written)
    assert json.loads((out / "events.json").read_text())["source"].endswith("/live.ts")
    assert (out / "overlay.mp4").stat().st_size > 0


def test_an_event_is_posted_when_the_stream_goes_away(server, trained: Path, tmp_path: Path):
    with event_receiver() as receiver, Notifier(receiver.address) as notifier:
        with Scoring(trained, server, tmp_path, LOUD, notifier=notifier) as scoring:
            scoring.wait_for_rows(30)
            server.away.set()
            scoring.wait_for(lambda: receiver.events)
        (event,) = receiver.events
        assert event["start"] == int(rows(tmp_path)[0]["frame"])
        assert event["where"]["x1"] <= 64
        assert "secret" not in json.dumps(event)


def test_a_receiver_that_is_away_slows_nothing_and_what_it_missed_is_counted(server, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("aed_lightning.runtime.notify.LAST_CHANCE_SECONDS", 0.5)
    with (
        Notifier("http://127.0.0.1:9/nobody") as notifier,
        Scoring(trained, server, tmp_path, LOUD, notifier=notifier) as scoring,
    ):
        scoring.wait_for_rows(20)
        server.away.set()
        scoring.wait_for(lambda: scoring.tells("event from"))
        before = len(rows(tmp_path))
        server.away.clear()
        scoring.wait_for_rows(before + 20)
    assert notifier.lost == 2


def test_a_camera_that_never_gives_a_frame_is_an_error(trained: Path, tmp_path: Path):
    nobody = LiveSource("http://127.0.0.1:9/nobody")
    with pytest.raises(DataError, match=r"http://127.0.0.1:9/nobody: ended before a frame was scored"):
        score_live(load(trained), nobody, tmp_path / "out", QUIET, lambda _: None, {}, seconds=1.0)


def test_from_python_a_live_source_gives_a_score_a_frame(server, trained: Path):
    scores = load(trained).score(server.address)
    frames = in_a_thread(lambda: [next(scores).frame_index for _ in range(5)]).result(300)
    assert frames == sorted(frames)
    scores.close()


def test_two_cameras_are_scored_at_once_by_one_model(command, trained: Path, tmp_path: Path):
    with stream_server() as first, stream_server() as second:
        sources = (first.address, second.address)
        for seconds in LONGER:
            out = tmp_path / f"out-{seconds}"
            outcome = command(
                "score", "--weights", trained, "--source", *sources, "--out", out, "--threshold", -1,
                "--min-seconds", 0, "--no-overlay", "--seconds", seconds,
            )  # fmt: skip
            if NO_FRAME not in outcome.errors:
                break
    assert outcome.code == 0, outcome.errors
    for name in ("camera-1", "camera-2"):
        lines = rows(out / name)
        assert lines
        assert_accounted_for(lines)
        events = json.loads((out / name / "events.json").read_text())
        assert events["complete"]
        assert events["events"]
        assert events["source"].startswith(f"{name}, http")
        assert f"{events['source']}: event from" in outcome.output


def test_a_camera_that_fails_does_not_end_the_others(server, trained: Path, tmp_path: Path):
    (tmp_path / "camera-1").write_text("a file where the results should go")
    said: list[str] = []
    ended = threading.Event()
    with stream_server() as other:
        folders = {LiveSource(server.address): tmp_path / "camera-1", LiveSource(other.address): tmp_path / "camera-2"}
        work = in_a_thread(score_cameras, load(trained), folders, QUIET, said.append, {"weights": "w"}, ended=ended)
        try:
            until(lambda: len(rows(tmp_path / "camera-2")) > 10 and any("Error" in line for line in said), seconds=300)
        finally:
            ended.set()
        with pytest.raises(DataError, match="1 of 2 cameras could not be scored to their end"):
            work.result(300)
    assert len(rows(tmp_path / "camera-2")) > 10
    assert any("the others go on" in line for line in said), said
    assert json.loads((tmp_path / "camera-2" / "events.json").read_text())["complete"]
    assert not any("secret" in line for line in said)
