import csv
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from stream_server import StreamServer, stream_server

from aed_lightning.runtime import Scorer, load
from aed_lightning.runtime.live import score_live
from aed_lightning.runtime.live_windows import QUEUE, LiveWindows
from aed_lightning.runtime.notify import Notifier
from aed_lightning.runtime.recordings import Manner
from aed_lightning.runtime.results import Results
from aed_lightning.runtime.sources import LiveSource

QUIET = Manner(threshold=1e9, release=1e9, overlay=False)
LOUD = Manner(threshold=-1e9, release=-1e9, overlay=False)


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with stream_server() as found:
        yield found


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "scores.csv").read_text().splitlines()))


def score(scorer: Scorer, server: StreamServer, folder: Path, seconds: float, manner: Manner = QUIET, **options):
    said: list[str] = []
    live = score_live(
        scorer, LiveSource(server.address), folder, manner, said.append, {"weights": "w"}, seconds=seconds, **options
    )
    return live, said


def assert_accounted_for(lines: list[dict[str, str]]) -> None:
    """Every frame between two lines was dropped, and counted."""
    for before, line in pairwise(lines):
        assert int(line["frame"]) - int(before["frame"]) == int(line["dropped"]) + 1


def test_a_stream_is_scored_frame_by_frame_at_its_pace(server, trained: Path, tmp_path: Path):
    live, said = score(load(trained), server, tmp_path, 6.0)
    assert len(rows(tmp_path)) > 20
    assert_accounted_for(rows(tmp_path))
    assert rows(tmp_path)[0]["frame"] == "0"
    assert {int(row["frame"]) for row in rows(tmp_path) if row["warm_up"] == "1"} <= {0, 1, 2}
    assert live.longest_queue <= QUEUE
    seconds = [float(row["time"]) for row in rows(tmp_path)]
    assert seconds == sorted(seconds)
    assert said == []


def test_a_score_is_out_before_the_sixth_frame_after_it_comes(server, trained, tmp_path, monkeypatch):
    late = []
    write = Results.write

    def timed(self, frame, seconds):
        late.append(live_windows[0].next_frame - frame.frame_index if live_windows else 0)
        return write(self, frame, seconds)

    live_windows: list = []
    start = LiveWindows.__enter__
    monkeypatch.setattr(LiveWindows, "__enter__", lambda self: live_windows.append(self) or start(self))
    monkeypatch.setattr(Results, "write", timed)
    score(load(trained), server, tmp_path, 5.0)
    # The frames that have come when a score is written: its own, three ahead, and at most two more.
    assert max(late[10:]) <= 6


def test_nothing_crosses_a_gap(server, trained: Path, tmp_path: Path):
    def cut() -> None:
        time.sleep(5)
        server.away.set()
        time.sleep(0.5)
        server.away.clear()

    threading.Thread(target=cut, daemon=True).start()
    _, said = score(load(trained), server, tmp_path, 12.0)
    frames = [int(row["frame"]) for row in rows(tmp_path)]
    dropped = {int(row["frame"]): int(row["dropped"]) for row in rows(tmp_path)}
    gaps = [frame for before, frame in pairwise(frames) if frame != before + 1 + dropped[frame]]
    assert len(gaps) == 1
    warm_up = {int(row["frame"]) for row in rows(tmp_path) if row["warm_up"] == "1"}
    assert warm_up & {gaps[0], gaps[0] + 1, gaps[0] + 2}
    assert warm_up <= {0, 1, 2, gaps[0], gaps[0] + 1, gaps[0] + 2}
    after = rows(tmp_path)[frames.index(gaps[0])]
    assert float(after["smoothed"]) == pytest.approx(float(after["raw"]))
    assert any("away" in line for line in said)
    assert any("back" in line for line in said)


def test_what_there_is_no_time_for_is_dropped_and_counted(server, trained, tmp_path, monkeypatch):
    values = Scorer._values

    def slow(self, video, windows):
        time.sleep(0.2)
        return values(self, video, windows)

    monkeypatch.setattr(Scorer, "_values", slow)
    live, _ = score(load(trained), server, tmp_path, 7.0)
    assert sum(int(row["dropped"]) for row in rows(tmp_path)) > 20
    assert_accounted_for(rows(tmp_path))
    assert live.longest_queue <= QUEUE
    assert not live._pictures or len(live._pictures) <= QUEUE + 4


def test_another_size_after_a_gap_starts_anew(server, trained: Path, tmp_path: Path):
    def change() -> None:
        time.sleep(4)
        server.away.set()
        time.sleep(0.5)
        server.size = (48, 64)
        server.away.clear()

    threading.Thread(target=change, daemon=True).start()
    _, said = score(load(trained), server, tmp_path, 10.0)
    assert "frames of 64x48 pixels instead of 64x32: scoring starts anew" in said


def test_no_password_is_in_any_output(command, server, trained: Path, tmp_path: Path):
    outcome = command(
        "score", "--weights", trained, "--source", server.address, "--out", tmp_path / "out", "--seconds", 5,
        "--quantile", 0.5, "--min-seconds", 0,
    )  # fmt: skip
    assert outcome.code == 0, outcome
    written = [file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()]
    for secret in ("secret", "hidden"):
        assert secret not in outcome.output + outcome.errors
        assert all(secret.encode() not in content for content in written)
    assert json.loads((tmp_path / "out" / "events.json").read_text())["source"].endswith("/live.ts")
    assert (tmp_path / "out" / "overlay.mp4").stat().st_size > 0


class Receiver(ThreadingHTTPServer):
    """Takes events, after refusing the first `refusals` of them."""

    def __init__(self, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.refusals, self.events = refusals, []


class _Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_error(500)
            return
        self.server.events.append(event)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_) -> None:
        """Nothing."""


@pytest.mark.parametrize("refusals", [0, 2])
def test_events_are_posted_and_retried_until_they_are_taken(server, trained: Path, tmp_path: Path, refusals: int):
    receiver = Receiver(refusals)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with Notifier(f"http://127.0.0.1:{receiver.server_address[1]}/events") as notifier:
        score(load(trained), server, tmp_path, 4.0, LOUD, notifier=notifier)
    receiver.shutdown()
    receiver.server_close()
    (event,) = receiver.events
    assert event["start"] == 0
    assert event["where"]["x1"] <= 64
    assert "secret" not in json.dumps(event)
    assert notifier.lost == 0


def test_a_receiver_that_is_away_slows_nothing_and_what_it_missed_is_counted(server, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("aed_lightning.runtime.notify.LAST_CHANCE_SECONDS", 0.5)
    with Notifier("http://127.0.0.1:9/nobody") as notifier:
        score(load(trained), server, tmp_path, 4.0, LOUD, notifier=notifier)
    assert notifier.lost == 1
    assert len(rows(tmp_path)) > 20


def test_from_python_a_live_source_gives_a_score_a_frame(server, trained: Path):
    scores = load(trained).score(server.address)
    frames = [next(scores).frame_index for _ in range(5)]
    assert frames == sorted(frames)
    scores.close()
