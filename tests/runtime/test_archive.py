import csv
import json
from pathlib import Path

import pytest

from aed_lightning.core import DataError
from aed_lightning.data.lock import locked
from aed_lightning.runtime.archive import merge_results
from aed_lightning.runtime.sources import Recording

EVENT = {
    "start": 3, "end": 9, "peak": 1.25, "peak_frame": 5, "start_time": 0.12, "end_time": 0.36, "peak_time": 0.2,
    "where": {"x0": 1, "y0": 2, "x1": 30, "y1": 40},
}  # fmt: skip


def archive(folder: Path, **changes: dict) -> tuple[list[Recording], Path]:
    """Recordings a, b and c with one event, none and two; changes: by recording, of its events.json."""
    recordings = []
    for name, events in (("a", [EVENT]), ("b", []), ("c", [EVENT, {**EVENT, "start": 20, "where": None}])):
        video = folder / "videos" / f"{name}.mp4"
        video.parent.mkdir(exist_ok=True)
        video.write_bytes(b"video")
        recordings.append(Recording(video))
        found = {"version": 1, "complete": True, "bytes": 5, "fingerprint": "f", "threshold": 1.0, "events": events}
        results = folder / "out" / name
        results.mkdir(parents=True)
        (results / "events.json").write_text(json.dumps({**found, **changes.get(name, {})}))
    return recordings, folder / "out"


def test_the_events_of_all_recordings_become_one_table(tmp_path):
    file, events = merge_results(*archive(tmp_path))
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert (file, events) == (tmp_path / "out" / "events.csv", 3)
    assert [(row["recording"], row["start"]) for row in rows] == [("a", "3"), ("c", "3"), ("c", "20")]
    assert rows[0] == {
        "recording": "a", "start": "3", "end": "9", "start_time": "0.12", "end_time": "0.36", "peak": "1.25",
        "peak_frame": "5", "peak_time": "0.2", "x0": "1", "y0": "2", "x1": "30", "y1": "40",
    }  # fmt: skip
    assert rows[2]["x0"] == ""


@pytest.mark.parametrize("change", [{"complete": False}, {"bytes": 6}])
def test_a_recording_that_is_not_scored_to_its_end_or_has_changed_is_named_and_nothing_is_written(tmp_path, change):
    recordings, out = archive(tmp_path, b=change)
    (out / "c" / "events.json").unlink()
    with pytest.raises(DataError, match=r"2 of 3 recordings are not scored to their end: b, c; run score --shard"):
        merge_results(recordings, out)
    assert not (out / "events.csv").exists()


@pytest.mark.parametrize(
    "change", [{"fingerprint": "other weights"}, {"threshold": 2.0}, {"stride": 2}, {"min_seconds": 9.0}]
)
def test_recordings_that_were_scored_differently_do_not_stand_in_one_table(tmp_path, change):
    recordings, out = archive(tmp_path, c=change)
    with pytest.raises(DataError, match=rf"a and c were scored differently \({next(iter(change))} "):
        merge_results(recordings, out)
    assert not (out / "events.csv").exists()


def test_while_somebody_scores_nothing_is_merged(tmp_path):
    recordings, out = archive(tmp_path)
    with (
        locked(out, 0.0, print, being="written", shared=True),
        pytest.raises(DataError, match="is being written by process"),
    ):
        merge_results(recordings, out)
