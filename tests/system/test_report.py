import csv
import json
from html import unescape
from pathlib import Path

from PIL import Image

from aed_lightning.report.run_files import read_run
from aed_lightning.report.worst import worst_frames


def test_report_writes_one_page_of_a_whole_run(command, trained: Path, tmp_path: Path):
    outcome = command("report", trained, "--out", tmp_path / "new" / "page.html")
    assert outcome.code == 0, outcome
    assert outcome.output == f"report: {tmp_path / 'new' / 'page.html'}\n"
    page = (tmp_path / "new" / "page.html").read_text()
    figures = json.loads((trained / "metrics.json").read_text())
    assert f'<data value="{figures["standard"]["micro_auc"]}">' in page
    assert figures["command"] in unescape(page)
    for text in ("scores of video leap", "scores of video stop", "train/teacher_loss 0."):
        assert text in page
    # The run has labels, so each of its worst frames is shown.
    assert page.count("data:image/png;base64,") == sum(len(frames) for frames in _worst(trained).values()) > 0


def test_a_run_has_pictures_of_its_worst_frames(trained: Path):
    index = json.loads((trained / "pictures" / "index.json").read_text())
    found = {mistake: [(f.video, f.frame, f.score) for f in frames] for mistake, frames in _worst(trained).items()}
    for mistake, frames in found.items():
        assert [(entry["video"], entry["frame"], entry["score"]) for entry in index[mistake]] == frames
        for entry in index[mistake]:
            with Image.open(trained / "pictures" / entry["file"]) as picture:
                assert picture.size == (4 * (64 + 4 + 64), 4 * 32)
    files = {entry["file"] for mistake in found for entry in index[mistake]}
    assert files | {"index.json"} == {file.name for file in (trained / "pictures").iterdir()}


def test_report_compares_runs(command, trained: Path, squares, tmp_path: Path):
    other = ("test", "--config", squares.config, "--weights", trained, "--smoothing.sigma", "3")
    assert command(*other, "--run_dir", tmp_path / "wide").code == 0
    outcome = command("report", "--compare", trained, tmp_path / "wide", "--out", tmp_path / "compared")
    assert outcome.code == 0, outcome
    names = [f"comparison.{kind}" for kind in ("html", "md", "csv")]
    assert outcome.output == "".join(f"comparison: {tmp_path / 'compared' / name}\n" for name in names)
    with (tmp_path / "compared" / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["smoothing.sigma"] for row in rows] == ["1.0", "3.0"]
    assert rows[0]["raw_micro_auc"] == rows[1]["raw_micro_auc"]


def test_wrong_use_and_missing_runs_end_with_one_line(command, trained: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for arguments, code, said in (
        ((), 2, "give one run directory, or --compare"),
        ((trained, "--compare", trained), 2, "give one run directory, or --compare"),
        ((tmp_path / "nowhere",), 2, "nowhere is no run directory"),
        ((tmp_path / "empty",), 1, "nothing to report"),
        ((trained, "--out", tmp_path), 2, "is a folder; name a file"),
        (("--compare", trained), 2, "give two runs or more"),
        (("--compare", trained, tmp_path / "empty", "--out", trained / "metrics.json"), 2, "is a file; name a folder"),
    ):
        outcome = command("report", *arguments)
        assert (outcome.code, outcome.output) == (code, ""), outcome
        assert outcome.errors.startswith("error: ")
        assert said in outcome.errors
        assert len(outcome.errors.splitlines()) == 1


def _worst(trained: Path) -> dict:
    return worst_frames(read_run(trained).videos)
