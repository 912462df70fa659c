import fcntl
import json
from pathlib import Path

import pytest

from aed_lightning.core import DataError, UsageError
from aed_lightning.data.shards import Shard
from aed_lightning.runtime.results_folder import MERGED_COLUMNS, results_folder

OURS = ("scores.csv", "events.json", "timeline.png", "overlay.mp4", "overlay-8.mp4", ".events.json.12.partial")
OTHERS = ("overlay-holiday.mp4", "notes.txt", ".mine.partial")


def folder_of_a_scoring(folder: Path, events: object) -> Path:
    folder.mkdir()
    for name in (*OURS, *OTHERS):
        (folder / name).write_text(name)
    (folder / "events.json").write_text(json.dumps(events))
    return folder


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {".lock"}


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"is not empty; go on with --resume, .* --overwrite"):
        results_folder(tmp_path, [tmp_path], resume=False, overwrite=False).__enter__()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_overwriting_removes_the_files_of_an_earlier_scoring_and_no_others(tmp_path):
    one, other = (folder_of_a_scoring(tmp_path / name, {"version": 1, "events": []}) for name in ("one", "other"))
    with results_folder(tmp_path, [one, tmp_path / "new"], resume=False, overwrite=True):
        assert names(one) == set(OTHERS)
        assert names(other) == {*OURS, *OTHERS}


def test_a_merged_table_does_not_outlive_what_it_was_made_of(tmp_path):
    (tmp_path / "a").mkdir()
    table = tmp_path / "events.csv"
    for text, stays in ((",".join(MERGED_COLUMNS) + "\na,3", False), ("when,what\nmine,", True)):
        table.write_text(text)
        with results_folder(tmp_path, [tmp_path / "a"], resume=True, overwrite=False, shard=Shard(1, 2)):
            assert table.exists() == stays


def test_a_source_is_not_overwritten_by_its_own_results(tmp_path):
    ours = folder_of_a_scoring(tmp_path / "ours", {"version": 1, "events": []})
    with pytest.raises(UsageError, match=r"overlay.mp4 would be removed by --overwrite"):
        results_folder(ours, [ours], resume=False, overwrite=True, sources=[ours / "overlay.mp4"]).__enter__()
    assert names(ours) == {*OURS, *OTHERS}


@pytest.mark.parametrize("events", [[], {"version": 2, "events": []}, {"events": []}, {"version": 1, "events": [{}]}])
def test_where_one_file_is_not_known_to_be_ours_nothing_is_removed(tmp_path, events):
    ours = folder_of_a_scoring(tmp_path / "ours", {"version": 1, "events": []})
    theirs = folder_of_a_scoring(tmp_path / "theirs", events)
    with pytest.raises(DataError, match="is none of ours"):
        results_folder(tmp_path, [ours, theirs], resume=False, overwrite=True).__enter__()
    assert names(ours) == names(theirs) == {*OURS, *OTHERS}


def test_going_on_removes_nothing_but_what_a_killed_process_left_half(tmp_path):
    ours = folder_of_a_scoring(tmp_path / "ours", {"version": 1, "events": []})
    with results_folder(ours, [ours], resume=True, overwrite=False):
        assert names(ours) == {*OURS, *OTHERS} - {".events.json.12.partial"}


@pytest.mark.parametrize("options", [(False, False), (True, False), (False, True)])
def test_a_second_process_is_told_which_one_holds_the_folder(tmp_path, options):
    with (tmp_path / ".lock").open("w") as other:
        other.write("process 123 on host")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="is being written by process 123 on host"):
            results_folder(tmp_path, [tmp_path], resume=options[0], overwrite=options[1]).__enter__()
    with results_folder(tmp_path, [tmp_path], resume=False, overwrite=False):
        pass


def test_two_shares_are_scored_into_one_folder_at_once(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    with results_folder(tmp_path, [one], resume=False, overwrite=False, shard=Shard(1, 2)):
        one.mkdir()
        (one / "scores.csv").write_text("half")
        with results_folder(tmp_path, [other], resume=False, overwrite=False, shard=Shard(2, 2)):
            pass
        with pytest.raises(DataError, match="is being written by process"):
            results_folder(tmp_path, [one], resume=True, overwrite=False, shard=Shard(1, 2)).__enter__()
        with pytest.raises(DataError, match="is being written by process"):
            results_folder(tmp_path, [one, other], resume=True, overwrite=False).__enter__()
    with pytest.raises(UsageError, match=r"one is not empty; go on with --resume"):
        results_folder(tmp_path, [one], resume=False, overwrite=False, shard=Shard(1, 2)).__enter__()
    with results_folder(tmp_path, [one], resume=True, overwrite=False, shard=Shard(1, 2)):
        assert (one / "scores.csv").read_text() == "half"
