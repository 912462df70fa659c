import csv
import json
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aed_lightning.core import DataError, UsageError
from aed_lightning.runtime.results import COLUMNS, Box, Results, strongest_box
from aed_lightning.runtime.scorer import ScoredFrame
from aed_lightning.scoring.events import Alarm

ABOUT = {"source": "v.mp4", "threshold": 1.0}
SCORES = [0.0, 0.2, 1.0, 1.5, 0.7, 0.2, 0.1, 1.2, 1.1]


def heat_at(row: int, column: int) -> np.ndarray:
    heat = np.zeros((4, 8))
    heat[row, column] = 0.8
    return heat


def scored(frame: int, smoothed: float) -> ScoredFrame:
    return ScoredFrame(frame, 2 * smoothed, smoothed, frame < 3, 0, heat_at(1, frame % 8))


def results(folder: Path, about: dict = ABOUT, fps: float = 10.0, **options: bool) -> Results:
    return Results(folder, Alarm(1.0, 0.5), size=(40, 80), fps=fps, stride=1, about=about, **options)


def written(folder: Path, frames: range, fps: float = 10.0, **options: bool) -> Results:
    found = results(folder, fps=fps, **options)
    for frame in frames:
        found.write(scored(frame, SCORES[frame]), frame / fps)
    return found


def rows(folder: Path) -> list[dict]:
    return list(csv.DictReader((folder / "scores.csv").read_text().splitlines()))


def events(folder: Path) -> dict:
    return json.loads((folder / "events.json").read_text())


def test_every_frame_is_a_line_as_soon_as_it_is_written(tmp_path):
    found = results(tmp_path)
    for frame, score in enumerate(SCORES):
        found.write(scored(frame, score), frame / 10)
        line = rows(tmp_path)[-1]
        assert tuple(line) == COLUMNS
        assert (int(line["frame"]), float(line["time"])) == (frame, frame / 10)
        assert (float(line["raw"]), float(line["smoothed"]), float(line["threshold"])) == (2 * score, score, 1.0)
        assert int(line["is_anomalous"]) == (frame in (2, 3, 4, 7, 8)) == found.alarmed
        assert (int(line["warm_up"]), int(line["dropped"])) == (frame < 3, 0)


def test_events_have_times_and_the_place_of_their_peak(tmp_path):
    found = written(tmp_path, range(7))
    (event,) = events(tmp_path)["events"]
    assert event == {
        "start": 2, "end": 5, "peak": 1.5, "peak_frame": 3, "start_time": 0.2, "end_time": 0.5, "peak_time": 0.3,
        "where": {"x0": 30, "y0": 10, "x1": 40, "y1": 20},
    }  # fmt: skip
    assert not events(tmp_path)["complete"]
    found.write(scored(7, SCORES[7]), 0.7)
    assert len(events(tmp_path)["events"]) == 1
    assert [incident.start for incident in found.close()] == [7]
    found.finish()
    assert [event["start"] for event in events(tmp_path)["events"]] == [2, 7]
    assert events(tmp_path)["complete"]
    assert events(tmp_path)["source"] == "v.mp4"


@pytest.mark.parametrize("fps", [10.0, 30.0])
@pytest.mark.parametrize("stop", range(1, len(SCORES)))
def test_scoring_that_was_killed_anywhere_goes_on_to_the_same_files(tmp_path, stop, fps):
    """Times are those of the frame numbers: a thirtieth of a second has more digits than the file."""
    written(tmp_path / "whole", range(len(SCORES)), fps).close()
    if (child := os.fork()) == 0:
        try:
            signal.alarm(60)  # a fork of many threads may hang
            written(tmp_path / "killed", range(stop), fps)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)  # whatever happens, no second pytest goes on
    os.waitpid(child, 0)
    resumed = results(tmp_path / "killed", fps=fps, resume=True)
    assert resumed.next_frame == stop
    for frame in range(stop, len(SCORES)):
        resumed.write(scored(frame, SCORES[frame]), frame / fps)
    resumed.close()
    whole, killed = ((tmp_path / name / "scores.csv").read_bytes() for name in ("whole", "killed"))
    assert whole == killed
    for one, other in zip(events(tmp_path / "whole")["events"], events(tmp_path / "killed")["events"], strict=True):
        # Where it was is lost with the map, if the peak came before the kill and the end after it.
        assert {**other, "where": None} == {**one, "where": None}
        assert other["where"] in (one["where"], None)


def test_half_a_line_at_the_end_is_cut_away(tmp_path):
    written(tmp_path, range(4))
    with (tmp_path / "scores.csv").open("a") as file:
        file.write("4,0.4,1")
    assert results(tmp_path, resume=True).next_frame == 4
    assert len(rows(tmp_path)) == 4


@pytest.mark.parametrize("left", [None, b"", b"frame,ti", b"\0" * 50])
def test_what_a_machine_that_went_off_left_of_the_file_is_begun_anew(tmp_path, left):
    written(tmp_path, range(4)).close()
    before = (tmp_path / "scores.csv").read_bytes()
    (tmp_path / "scores.csv").unlink() if left is None else (tmp_path / "scores.csv").write_bytes(left)
    written(tmp_path, range(4), resume=True).close()
    assert (tmp_path / "scores.csv").read_bytes() == before


def test_results_that_begin_anew_are_not_complete_until_they_are(tmp_path):
    found = written(tmp_path, range(len(SCORES)))
    found.close()
    found.finish()
    told = events(tmp_path)["events"]
    (tmp_path / "scores.csv").unlink()
    anew = results(tmp_path, resume=True)
    assert not anew.complete
    assert not events(tmp_path)["complete"]
    assert events(tmp_path)["events"] == told  # so that they are not told again
    anew.close()


def test_results_that_say_they_are_complete_but_have_no_frame_are_not(tmp_path):
    found = written(tmp_path, range(4))
    found.close()
    found.finish()
    assert results(tmp_path, resume=True).complete
    (tmp_path / "scores.csv").write_bytes(b"")
    assert not results(tmp_path, resume=True).complete


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        (0, "frame,time"),
        (0, "0,0.000,0.0,0.0,1.0,0,1,0"),
        (3, "\0" * 30),
        (3, "2,0.200,2.0,1.0"),
        (3, "2,0.200,2.0,1.0,1.0,1,1,0,0"),
        (3, "2,0.200,2.0,1.0.0,1.0,1,1,0"),
        (3, "2,0.200,2.0,1.0,1.0,7,1,0"),
        (3, "3,0.300,3.0,1.5,1.0,1,0,0"),
        (3, "\xff"),
    ],
)
def test_damaged_lines_are_named_and_nothing_is_changed(tmp_path, line, damage):
    written(tmp_path, range(4)).close()
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    lines[line] = damage
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n4,0.", encoding="latin-1")
    before = (tmp_path / "scores.csv").read_bytes()
    with pytest.raises(DataError, match=rf"scores.csv: line {line + 1} is damaged .*; begin anew with --overwrite"):
        results(tmp_path, resume=True)
    assert (tmp_path / "scores.csv").read_bytes() == before


@pytest.mark.parametrize("room", [0, 5, 20])
def test_a_full_disk_leaves_whole_lines_that_can_be_gone_on_with(tmp_path, room):
    found = written(tmp_path, range(4))
    before = (tmp_path / "scores.csv").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: .*scores\.csv"):
            found.write(scored(4, SCORES[4]), 0.4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "scores.csv").read_bytes() == before
    found.close(ended=False)
    assert results(tmp_path, resume=True).next_frame == 4


@pytest.mark.parametrize("stop", range(1, len(SCORES)))
def test_an_event_is_told_once_however_often_the_scoring_is_interrupted(tmp_path, stop):
    told = []

    def score(frames: range, **options: bool) -> Results:
        found = results(tmp_path, **options)
        for frame in frames:
            told.extend(found.write(scored(frame, SCORES[frame]), frame / 10))
        return found

    assert score(range(stop)).close(ended=False) == []
    assert [event["start"] for event in events(tmp_path)["events"]] == [incident.start for incident in told]
    last = score(range(stop, len(SCORES)), resume=True)
    told += last.close()
    last.finish()
    assert [(incident.start, incident.end) for incident in told] == [(2, 5), (7, 9)]
    assert [event["start"] for event in events(tmp_path)["events"]] == [2, 7]
    again = results(tmp_path, resume=True)
    assert again.close() == []
    assert [incident.where for incident in again.incidents] == [incident.where for incident in told]


def test_results_that_are_there_are_never_overwritten_or_mixed(tmp_path):
    written(tmp_path, range(4))
    before = (tmp_path / "scores.csv").read_bytes()
    with pytest.raises(UsageError, match="holds scores already; go on with --resume"):
        results(tmp_path)
    with pytest.raises(UsageError, match=r"holds other scores \(threshold 1.0, now 2.0\)"):
        results(tmp_path, {**ABOUT, "threshold": 2.0}, resume=True)
    (tmp_path / "events.json").write_text("[]")
    with pytest.raises(DataError, match="is none of ours"):
        results(tmp_path, resume=True)
    assert (tmp_path / "scores.csv").read_bytes() == before


def test_the_box_holds_the_region_around_the_highest_token_and_no_other():
    heat = np.zeros((4, 8))
    heat[1:3, 2], heat[2, 3], heat[0, 7] = 0.5, 1.0, 0.9
    assert strongest_box(heat, (40, 80)) == Box(20, 10, 40, 30)
    assert strongest_box(np.zeros((4, 8)), (40, 80)) == Box(0, 0, 80, 40)


def test_events_of_a_live_source_have_the_times_at_which_their_frames_came(tmp_path):
    found = results(tmp_path)
    for frame, seconds in enumerate([0.0, 0.1, 5.0, 5.5, 9.0]):
        found.write(scored(frame, 1.0 if frame in (2, 3) else 0.0), seconds)
    (event,) = events(tmp_path)["events"]
    assert (event["start_time"], event["peak_time"], event["end_time"]) == (5.0, 5.0, 5.6)


def test_dropped_frames_are_counted_and_end_no_event(tmp_path):
    found = results(tmp_path)
    for frame, dropped in ((2, 0), (3, 0), (6, 2), (7, 0)):
        found.write(replace(scored(frame, 1.0), dropped=dropped), frame / 10)
    assert [int(row["dropped"]) for row in rows(tmp_path)] == [0, 0, 2, 0]
    assert [(incident.start, incident.end) for incident in found.close()] == [(2, 8)]
