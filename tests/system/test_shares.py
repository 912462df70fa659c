import csv
import os
import signal
import sys
from pathlib import Path

import pytest
from refusals import assert_refused

from aed_lightning.data.shards import Shard
from aed_lightning.data.workers import ingest_all

LEVELS = ("--quantile", 0.9, "--min-seconds", 0, "--no-overlay")


def test_a_data_set_is_prepared_in_shares_and_then_merged(command, squares, tmp_path: Path):
    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store")
    first = command(*arguments, "--shard", "1/2")
    assert first.code == 0, first
    assert "share 1/2, 4 videos, " in first.output.replace("\n", " ")
    assert_refused(command(*arguments, "--merge"), 1, "2 of 6 videos are not prepared: train/walk1, test/stop; run")
    assert not (tmp_path / "store" / "manifest.json").exists()
    assert command(*arguments, "--shard", "2/2", "--workers", 2).code == 0
    merged = command(*arguments, "--merge")
    assert merged.code == 0, merged
    assert "6 videos, 154 frames" in merged.output.replace("\n", " ")
    assert command(*arguments, "--check").code == 0


@pytest.mark.parametrize("shard", ["0/2", "3/2", "half"])
@pytest.mark.parametrize("verb", ["prepare", "score"])
def test_a_share_that_cannot_be_is_refused(command, squares, trained, tmp_path: Path, verb, shard):
    arguments = {
        "prepare": ("--config", squares.config, "--data.store", tmp_path / "store"),
        "score": ("--weights", trained, "--source", squares.root / "test", "--out", tmp_path / "out"),
    }[verb]
    assert_refused(command(verb, *arguments, "--shard", shard), 2, f"--shard {shard}: give I/N, share I of N")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--shard", "1/2", "--merge"), ("--check", "--merge"), ("--shard", "1/2", "--check")]
)
def test_prepare_does_one_thing_a_call(command, squares, tmp_path: Path, options):
    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store")
    assert_refused(command(*arguments, *options), 2, "give one of them a call")


def test_prepare_that_is_told_to_stop_says_how_to_go_on(command, squares, tmp_path: Path, monkeypatch):
    def told(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        yield from ingest_all(*arguments)

    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["aed_lightning.data.prepare"], "ingest_all", told)  # `data.prepare` is the function
        stopped = command(*arguments, "--shard", "1/1")
    assert stopped.code == 143
    assert "stopped by SIGTERM; what is prepared stays: the same command goes on" in stopped.errors
    assert not list((tmp_path / "store").rglob("*.partial"))
    assert command(*arguments, "--shard", "1/1").code == 0


def test_recordings_are_scored_in_shares_and_then_merged(command, squares, trained: Path, tmp_path: Path):
    source = ("--source", squares.root / "test")
    arguments = ("score", "--weights", trained, *source, *LEVELS)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert command(*arguments, "--out", whole).code == 0
    first = command(*arguments, "--out", out, "--shard", "1/2")
    assert first.code == 0, first
    assert first.output.startswith("share 1/2: 1 of 2 recordings\n")
    assert sorted(folder.name for folder in out.iterdir()) == [".lock", ".shards", "leap"]
    incomplete = command("score", *source, "--out", out, "--merge")
    assert_refused(incomplete, 1, "1 of 2 recordings are not scored to their end: stop", "score --shard --resume")
    assert command(*arguments, "--out", out, "--shard", "2/2").code == 0
    for name in ("leap", "stop"):
        assert (out / name / "scores.csv").read_bytes() == (whole / name / "scores.csv").read_bytes()
    merged = command("score", *source, "--out", out, "--merge")
    assert merged.code == 0, merged
    assert merged.output == f"{out / 'events.csv'}: {len(events(out))} events of 2 recordings\n"
    again = command(*arguments, "--out", out, "--shard", "1/2", "--resume")
    assert again.code == 0
    assert "scored already" in again.output
    assert_refused(command(*arguments, "--out", out, "--shard", "1/2"), 2, "leap is not empty; go on with --resume")


def events(out: Path) -> list[dict[str, str]]:
    found = list(csv.DictReader((out / "events.csv").read_text().splitlines()))
    assert {event["recording"] for event in found} <= {"leap", "stop"}
    return found


def test_a_share_without_recordings_is_done(command, squares, trained: Path, tmp_path: Path):
    empty = next(number for number in range(1, 6) if not any(Shard(number, 5).has(name) for name in ("leap", "stop")))
    arguments = ("score", "--weights", trained, "--source", squares.root / "test", "--out", tmp_path / "out")
    assert command(*arguments, "--shard", f"{empty}/5").code == 0
    assert not (tmp_path / "out").exists()


def test_shares_are_for_recordings_and_a_merge_needs_its_folder(command, squares, trained: Path, tmp_path: Path):
    camera = ("score", "--weights", trained, "--source", "rtsp://camera", "--out", tmp_path / "out")
    assert_refused(command(*camera, "--shard", "1/2"), 2, "--shard and --merge are for recordings")
    merge = ("score", "--source", squares.root / "test", "--out", tmp_path / "out", "--merge")
    assert_refused(command(*merge), 2, "nothing there; give the folder that the shares were scored into")
