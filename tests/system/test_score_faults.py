"""Whatever goes wrong while recordings are scored: one clear message, and what was written stays valid."""

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused
from squares import write_video
from waiting import until

from aed_lightning.cli.score import HELP
from aed_lightning.core import DataError
from aed_lightning.data.progress import SilentProgress
from aed_lightning.runtime import load
from aed_lightning.runtime.engines import BATCH
from aed_lightning.runtime.export import PARTS
from aed_lightning.runtime.notify import Notifier
from aed_lightning.runtime.recordings import Manner, score_recording
from aed_lightning.runtime.sources import Recording

LOUD = ("--threshold", -1, "--hysteresis", 0, "--no-overlay")
"""All frames are one event."""


def lines(folder: Path) -> list[list[str]]:
    found = list(csv.reader((folder / "scores.csv").read_text().splitlines()))
    assert (folder / "scores.csv").read_bytes().endswith(b"\n")
    assert {len(line) for line in found} == {8}
    return found[1:]


def events(folder: Path) -> dict:
    return json.loads((folder / "events.json").read_text())


def test_broken_recordings_do_not_keep_the_others_from_being_scored(command, squares, trained: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("no video")
    (tmp_path / "in" / "z.avi").write_bytes(b"")
    shutil.copy(squares.root / "test" / "stop.avi", tmp_path / "in" / "stop.avi")
    arguments = ("--weights", trained, "--source", tmp_path / "in", "--out", tmp_path / "out", "--no-overlay")
    outcome = command("score", *arguments)
    assert_refused(
        outcome, 1, "2 of 3 recordings could not be scored to their end", "a.mp4 (8 bytes)", "z.avi (0 bytes)"
    )
    assert events(tmp_path / "out" / "stop")["complete"]
    assert len(lines(tmp_path / "out" / "stop")) == 20


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_a_real_process_leaves_results_that_go_on(command, trained, tmp_path: Path, number, code: int):
    video = write_video(tmp_path / "v.avi", [2 + index % 40 for index in range(1500)], top=4)
    arguments = ("score", "--weights", trained, "--source", video, "--out", tmp_path / "out", *LOUD)
    process = subprocess.Popen(
        [sys.executable, "-m", "aed_lightning", *map(str, arguments), "--batch-size", "1"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        scores = tmp_path / "out" / "scores.csv"
        until(lambda: process.poll() is not None or (scores.exists() and scores.stat().st_size > 500), seconds=600)
        process.send_signal(number)
        _, errors = process.communicate(timeout=600)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, errors
    assert errors == f"stopped by {number.name}; what is in {tmp_path / 'out'} is whole: go on with --resume\n"
    before = lines(tmp_path / "out")
    assert 0 < len(before) < 1500
    assert not events(tmp_path / "out")["complete"]
    assert command(*arguments, "--resume").code == 0
    after = lines(tmp_path / "out")
    assert after[: len(before)] == before
    assert [int(line[0]) for line in after] == list(range(1500))
    (event,) = events(tmp_path / "out")["events"]
    assert (event["start"], event["end"], event["end_time"]) == (0, 1500, 60.0)


def test_an_interrupted_event_is_posted_once(command, squares, trained: Path, tmp_path: Path, monkeypatch):
    posted, writes = [], []
    monkeypatch.setattr(Notifier, "post", lambda self, event: posted.append(event))
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", "--notify", "http://127.0.0.1:9")
    write = os.write

    def interrupting(handle: int, data: bytes) -> int:
        writes.append(data)
        if len(writes) == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return write(handle, data)

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("aed_lightning.runtime.results.os.write", interrupting)
    assert command("score", *arguments, *LOUD).code == 143
    assert signal.getsignal(signal.SIGTERM) is handler
    assert posted == []
    assert 6 <= len(lines(tmp_path / "out")) <= 8
    assert command("score", *arguments, *LOUD, "--resume").code == 0
    assert [(event["source"], event["start"], event["end"]) for event in posted] == [(str(source), 0, 20)]


@pytest.mark.parametrize(("room", "file"), [(1000, "scores.csv"), (8000, "timeline.png")])
def test_a_full_disk_is_one_message(command, squares, trained: Path, tmp_path: Path, room: int, file: str):
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", *LOUD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        outcome = command("score", *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_refused(outcome, 1, f"{tmp_path / 'out' / file}: File too large")
    assert (len(lines(tmp_path / "out")) < 20) == (file == "scores.csv")
    assert not events(tmp_path / "out")["complete"]
    assert not list((tmp_path / "out").glob(".*.partial"))
    assert command("score", *arguments, "--resume").code == 0
    assert len(lines(tmp_path / "out")) == 20


def test_overwriting_begins_anew_and_keeps_the_files_of_others(command, squares, trained: Path, tmp_path: Path):
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", "--no-overlay")
    assert command("score", *arguments, "--threshold", 0.5).code == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert command("score", *arguments, "--threshold", 0.25, "--overwrite").code == 0
    assert {line[4] for line in lines(tmp_path / "out")} == {"0.25"}
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert_refused(command("score", *arguments, "--overwrite", "--resume"), 2, "not allowed with argument")


@pytest.mark.parametrize("wrong", [("--notify", "host/hook"), ("--threshold", "nan"), ("--min-seconds", "inf")])
def test_overwriting_with_wrong_options_removes_nothing(command, squares, trained: Path, tmp_path: Path, wrong):
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", "--no-overlay")
    assert command("score", *arguments).code == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert command("score", *arguments, "--overwrite", *wrong).code == 2
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_live_source_is_not_waited_for_where_its_results_have_no_place(command, trained: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ("--weights", trained, "--source", "http://127.0.0.1:9/nobody", "--out", tmp_path)
    assert_refused(command("score", *arguments), 2, "is not empty")
    assert_refused(command("score", *arguments, "--resume"), 2, "--resume is for recordings")


def test_a_first_frame_that_never_comes_is_not_waited_for(squares, trained: Path, tmp_path: Path, monkeypatch):
    released = threading.Event()

    def hanging(self):
        released.wait(60)
        yield np.zeros((32, 64, 3), np.uint8)

    monkeypatch.setattr("aed_lightning.data.readers.deadline.DEADLINE_SECONDS", 0.4)
    monkeypatch.setattr("aed_lightning.data.readers.opencv.OpenCVFile.frames", hanging)
    recording = Recording(squares.root / "test" / "stop.avi")
    with pytest.raises(DataError, match=r"stop.avi hangs: .* has not come back for 0.4 s"):
        score_recording(load(trained), recording, tmp_path, Manner(0.5, 0.5), SilentProgress(), {})
    released.set()


def test_the_help_tells_the_defaults_that_hold():
    told = {field.name: field.default for field in fields(Manner)}
    for name in ("min_seconds", "stride", "fps"):
        (value,) = re.findall(rf"--{name.replace('_', '-')} [^-]*?\(([0-9.]+)\)", HELP)
        assert float(value) == told[name]
    assert f"frames at once ({BATCH}, with openvino {PARTS[0]})" in HELP
