import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from finished_runs import LABELS, Page, figures_of, scored, write_log, write_run, write_scores
from PIL import Image
from sklearn.metrics import roc_auc_score

from aed_lightning.core import DataError, FrameScores, UsageError
from aed_lightning.report.figures import intervals
from aed_lightning.report.page import write_report
from aed_lightning.report.worst import worst_frames

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"


def page_of(root: Path) -> Page:
    write_report(root, root / "report.html")
    return Page.of(root / "report.html")


def change(root: Path, **changes: object) -> None:
    metrics = json.loads((root / "metrics.json").read_text()) | changes
    (root / "metrics.json").write_text(json.dumps(metrics))


def notes(page: Page) -> str:
    return page.text.partition("micro AUC under")[0]


def loads_nothing(page: Page, text: str) -> bool:
    """Whether a browser has nothing to run and nothing to load."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert [link for link in page.links() if not link.startswith(("#", "data:image/png;base64,"))] == []
    assert re.findall(r"url\((?!#)", text) == []
    assert "@import" not in text
    return True


def test_the_figures_on_the_page_are_those_of_metrics_json(run: Path):
    page, figures = page_of(run), json.loads((run / "metrics.json").read_text())
    standard, official = figures["standard"], figures["official"]
    assert page.row("protocols", "micro AUC") == [str(standard["micro_auc"]), str(official["micro_auc"])]
    padded = str(official["macro_auc_padded"])
    assert page.row("protocols", "macro AUC (official: padded)") == [str(standard["macro_auc"]), padded]
    assert page.row("protocols", "average precision") == [str(standard["average_precision"]), "–"]
    assert page.row("protocols", "equal error rate") == [str(standard["eer"]), "–"]
    names = {"model, smoothed": standard, "model, smoothed with the past only": figures["causal"]}
    for name, block in {**names, "model, raw": figures["raw"], **figures["trivial"]}.items():
        assert page.row("trivial", name) == [str(block["micro_auc"]), str(block["macro_auc"])]
    for row in figures["per_video"]:
        auc = "–" if row["auc"] is None else str(row["auc"])
        assert page.row("videos", row["video"]) == [str(row["frames"]), str(row["anomalous"]), auc]
    assert page.tables["kinds"][1:] == [["dog", "65", "0.625"], ["cart", "30", "0.75"]]
    assert page.tables["places"] == [
        ["RBDC, regions found", "0.5625"],
        ["TBDC, tracks found", "0.75"],
        ["pixel AUC", "0.8125"],
        ["median delay, frames", "4.5"],
        ["events", "3"],
        ["events missed", "1"],
        ["false alarms", "2"],
    ]
    assert f"{standard['micro_auc']:.4f}" in page.text
    assert "film_c" in page.text.partition("without an AUC of their own")[2].partition("\n")[0]


def test_a_run_without_localization_and_delay_has_no_such_table(run: Path):
    change(run, localization={}, delay={})
    assert "places" not in page_of(run).tables


@pytest.mark.parametrize(
    ("block", "message"),
    [({"regions": 3}, "localization holds more"), ({"regions": {"rbdc": "much"}}, "rbdc is 'much', no number")],
)
def test_figures_of_places_that_are_none_are_refused(run: Path, block: dict, message: str):
    change(run, localization=block)
    with pytest.raises(DataError, match=message):
        write_report(run, run / "report.html")


def test_the_page_says_how_the_run_was_made(run: Path):
    page = page_of(run)
    assert page.row("summary", "rule") == ["default (map_weight 1.0, mask_ratio None)"]
    assert page.row("summary", "commit") == ["0123456789ab"]
    for text in ("python -m aed_lightning fit", "learning_rate: 0.001", '"torch": "2.13.0"', "sigma 2.0"):
        assert text in page.text
    assert [tag for tag, _ in page.elements].count("details") == 2


def test_every_video_has_its_curve_and_the_row_leads_to_it(run: Path):
    page = page_of(run)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    labels = [attributes.get("aria-label") for tag, attributes in page.elements if tag == "svg"]
    assert [label for label in labels if "scores of" in label] == [f"scores of video {name}" for name in LABELS]
    assert "ROC curve of all frames" in labels
    assert "learning curves of the teacher" in labels
    links = [link for link in page.links() if link.startswith("#")]
    assert [link for link in links if link.startswith("#scores-")] == ["#scores-1", "#scores-2", "#scores-3"]
    assert {link[1:] for link in links} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_legend_of_the_roc_is_the_area_of_the_scores(run: Path):
    videos = scored()
    labels = np.concatenate([video.label for video in videos])
    text = page_of(run).text
    for name in ("smoothed", "raw"):
        area = roc_auc_score(labels, np.concatenate([getattr(video, name) for video in videos]))
        assert f"{name}, AUC {area:.4f}" in text


def test_true_intervals_are_the_stretches_of_label_one():
    label = np.array([1, 0, 1, 1, 0, 0, 1]) == 1
    assert intervals(label, np.arange(10, 17)) == [(10, 10), (12, 13), (16, 16)]
    assert intervals(np.zeros(3, dtype=bool), np.arange(3)) == []


def test_the_page_loads_nothing_and_runs_nothing(run: Path):
    page = page_of(run)
    assert loads_nothing(page, (run / "report.html").read_text())
    policy = [a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_names_from_files_never_become_markup(tmp_path: Path):
    root = write_run(tmp_path / "<i>run", labels={IMAGE: LABELS["film_a"], "$x^{$ & co": LABELS["film_b"]})
    figures = json.loads((root / "metrics.json").read_text())
    rows = [*figures["per_video"], {"video": SCRIPT, "frames": 1, "anomalous": 0, "auc": None}]
    texts = {name: SCRIPT for name in ("dataset", "command", "commit", "stage", "rule", "device", "split", "seed")}
    change(root, per_video=rows, per_kind={SCRIPT: {"auc": 0.5, "frames": 1}}, trivial={SCRIPT: {}}, **texts)
    (root / "config.yaml").write_text(f"'{SCRIPT}': '{SCRIPT}'\n")
    (root / "environment.json").write_text(json.dumps({SCRIPT: "</pre>" + SCRIPT}))
    write_log(
        root / "logs" / "<u>stage" / "metrics.csv", f"epoch,step,train/{SCRIPT},val/$a_{{", "0,1,0.5,1", "1,2,0,0"
    )
    page = page_of(root)
    assert loads_nothing(page, (root / "report.html").read_text())
    assert not {"i", "u"} & {tag for tag, _ in page.elements}
    assert page.row("videos", SCRIPT) == ["1", "0", "–"]
    assert page.row("kinds", SCRIPT) == ["1", "0.5"]
    for text in (IMAGE, "$x^{$ & co", "<i>run", "<u>stage", "val/$a_{"):
        assert text in page.text


def test_the_worst_frames_are_listed_with_the_pictures_that_fit_them(run: Path):
    worst = worst_frames(scored())
    seen = worst["false_alarms"][0]
    folder = run / "pictures"
    folder.mkdir()
    Image.new("RGB", (8, 4)).save(folder / "one.png")
    Image.new("RGB", (8, 4)).save(run / "outside.png")
    (folder / "text.png").write_text("<svg onload=alert(1)>")
    entries = [
        {"video": seen.video, "frame": seen.frame, "file": "one.png"},
        {"video": worst["false_alarms"][1].video, "frame": worst["false_alarms"][1].frame, "file": "../outside.png"},
        {"video": worst["misses"][0].video, "frame": worst["misses"][0].frame, "file": "text.png"},
        {"video": "film_a", "frame": 999, "file": "one.png"},
    ]
    (folder / "index.json").write_text(json.dumps({"false_alarms": entries, "misses": []}))
    page = page_of(run)
    listed = [row[:3] for row in page.tables["worst"] if row[0] != "video"]
    expected = [[w.video, str(w.frame), str(w.score)] for kind in ("false_alarms", "misses") for w in worst[kind]]
    assert listed == expected
    assert len([tag for tag, _ in page.elements if tag == "img"]) == 1
    assert f"{seen.video}, frame {seen.frame}" in page.text
    assert loads_nothing(page, (run / "report.html").read_text())


@pytest.mark.parametrize(
    ("left_out", "note", "section"),
    [
        ("metrics.json", "There is no metrics.json", "protocols"),
        ("logs", "There are no learning curves", "curves"),
        ("scores", "There are no files of scores", "scores"),
        ("config.yaml", "", ""),
        ("environment.json", "", ""),
    ],
)
def test_half_a_run_has_a_page_that_says_what_is_missing(run: Path, left_out: str, note: str, section: str):
    whole = run / left_out
    shutil.rmtree(whole) if whole.is_dir() else whole.unlink()
    page = page_of(run)
    assert note in page.text
    assert section not in {a.get("id") for tag, a in page.elements if tag == "section"}
    assert loads_nothing(page, (run / "report.html").read_text())


def test_scores_without_labels_have_curves_and_no_roc(tmp_path: Path):
    videos = [FrameScores(v.video, v.frame_index, v.raw, v.smoothed) for v in scored()]
    write_scores(tmp_path / "scores", videos)
    page = page_of(tmp_path)
    assert "no labels" in page.text
    sections = {a.get("id") for tag, a in page.elements if tag == "section"}
    assert {"roc", "worst", "protocols"} & sections == set()
    assert "scores" in sections


def test_one_video_without_kinds_has_a_page(tmp_path: Path):
    root = write_run(tmp_path / "run", labels={"only": LABELS["film_b"]})
    change(root, per_kind={})
    page = page_of(root)
    assert "kinds" not in page.tables
    assert page.row("videos", "only")[0] == "120"
    assert "not of the same evaluation" not in page.text


def test_curves_and_scores_that_are_no_numbers_are_told_and_drawn_around(run: Path):
    write_log(run / "logs" / "teacher-2" / "metrics.csv", "epoch,step,train/teacher_loss", "2,29,nan", "3,39,inf")
    with np.load(run / "scores" / "film_a.npz") as columns:
        broken = {**columns, "smoothed": np.full(120, np.nan)}
    np.savez(run / "scores" / "film_a.npz", **broken)
    page = page_of(run)
    assert "Not a number at some steps: teacher: train/teacher_loss." in page.text
    assert "NaN or infinite in film_a" in page.text
    assert "roc" not in {a.get("id") for tag, a in page.elements if tag == "section"}


def test_a_stage_that_was_resumed_is_one_curve_in_which_the_later_log_counts(run: Path):
    for number, (step, loss) in {"-2": (19, 0.125), "-10": (29, 0.0625)}.items():
        write_log(
            run / "logs" / f"teacher{number}" / "metrics.csv", "epoch,step,train/teacher_loss", f"1,{step},{loss}"
        )
    text = page_of(run).text
    assert "train/teacher_loss 0.0625 (step 29)" in text
    assert "teacher-2" not in text


def test_what_a_reader_must_know_stands_on_top(run: Path):
    write_scores(run / "scores", scored(seed=5))
    change(run, trivial={"max_motion": {"micro_auc": 0.999, "macro_auc": None}}, commit="0123456789ab-dirty")
    told = notes(page_of(run))
    assert "they are not of the same evaluation" in told
    assert "The score max_motion, which needs no model, is at least as good as the model" in told
    assert "The source tree had changes" in told
    write_scores(run / "scores", scored())
    change(run, trivial={}, commit="0123456789ab")
    assert notes(page_of(run)).count("evaluation") == 0


def test_intervals_are_shown_where_metrics_json_has_them(run: Path):
    change(run, intervals={"micro_auc": [0.5, 0.75], "macro_auc": None, "note": "only 3 videos"})
    text = " ".join(page_of(run).text.split())
    assert "95 % interval over videos: 0.5000 to 0.7500 (only 3 videos)." in text


def test_the_same_run_makes_the_same_bytes(run: Path):
    page_of(run)
    first = (run / "report.html").read_bytes()
    page_of(run)
    assert (run / "report.html").read_bytes() == first


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("metrics.json", "{", "metrics.json cannot be read"),
        ("metrics.json", "[1]", "metrics.json holds a list"),
        ("metrics.json", '{"version": 2}', "version 2, this program reads 1"),
        ("metrics.json", '{"version": 1, "standard": 3}', "standard is no object"),
        ("metrics.json", '{"version": 1, "raw": {"micro_auc": "high"}}', "micro_auc is 'high', no number"),
        ("metrics.json", '{"version": 1, "per_kind": {"dog": 1}}', "per_kind holds more than objects"),
        ("metrics.json", '{"version": 1, "per_video": {}}', "per_video is no list"),
        ("config.yaml", "a: [", "config.yaml cannot be read"),
        ("environment.json", "", "environment.json cannot be read"),
        ("scores/film_a.npz", "no archive", "film_a.npz is no file of scores"),
        ("logs/teacher/metrics.csv", "epoch,step,loss\n0,1,low\n", "line 2: no log of numbers"),
        ("logs/teacher/metrics.csv", "epoch,loss\n0,1\n", "line 2: no log of numbers"),
        ("pictures/index.json", '{"misses": [{"frame": 1}]}', "index.json is no list of pictures"),
    ],
)
def test_a_damaged_file_is_named_in_one_error(run: Path, file: str, content: str, said: str):
    (run / file).parent.mkdir(exist_ok=True)
    (run / file).write_text(content)
    with pytest.raises(DataError) as refusal:
        write_report(run, run / "report.html")
    assert said in str(refusal.value)
    assert str(run / file) in str(refusal.value)
    assert not (run / "report.html").exists()


def test_scores_with_missing_or_uneven_columns_are_refused(run: Path):
    np.savez(run / "scores" / "film_a.npz", raw=np.zeros(3))
    with pytest.raises(DataError, match=r"film_a\.npz has no frame_index, smoothed"):
        write_report(run, run / "report.html")
    np.savez(run / "scores" / "film_a.npz", frame_index=np.arange(3), raw=np.zeros(3), smoothed=np.zeros(2))
    with pytest.raises(DataError, match="its columns differ in length"):
        write_report(run, run / "report.html")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="nowhere is no run directory"):
        write_report(tmp_path / "nowhere", tmp_path / "report.html")
    with pytest.raises(DataError, match="nothing to report"):
        write_report(tmp_path, tmp_path / "report.html")


def test_figures_without_scores_are_those_of_metrics_json_alone(tmp_path: Path):
    (tmp_path / "metrics.json").write_text(json.dumps(figures_of(scored())))
    page = page_of(tmp_path)
    assert page.row("videos", "film_a")[:2] == ["120", "30"]
