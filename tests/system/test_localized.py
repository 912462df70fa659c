import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from aed_lightning.core import Detection, VideoRegions
from aed_lightning.data.layouts import open_layout
from aed_lightning.metrics import evaluate_regions
from aed_lightning.report.page import write_report
from aed_lightning.toy import write_toy
from aed_lightning.toy.trajectory import FPS

SIZE, FRAMES = (64, 112), 60
KEYS = {"rbdc", "tbdc", "iou", "track_share", "frames", "regions", "tracks", "detections", "skipped_videos"}


@pytest.fixture(scope="module")
def toy(squares, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration for a toy set with tracks and masks, whose frames the network sees at half their size."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder / "toy", size=SIZE, processes=1, train_videos=2, test_videos=2, frames=FRAMES)
    config = yaml.safe_load(squares.config.read_text())
    config["data"] |= {"name": "toy", "root": str(folder / "toy"), "store": str(folder / "store")}
    config["data"] |= {"frame_size": [32, 56], "augmentation_percentage": 100}
    config["student"]["epochs"] = 0
    config["trainer"]["log_every_n_steps"] = 1
    (folder / "toy.yaml").write_text(yaml.safe_dump(config))
    return folder / "toy.yaml"


@pytest.fixture(scope="module")
def run_dir(command, toy: Path) -> Path:
    """The run of one `fit` on it, with what it printed."""
    outcome = command("fit", "--config", toy, "--run_dir", toy.parent / "run")
    assert outcome.code == 0, outcome
    (toy.parent / "output.txt").write_text(outcome.output)
    return toy.parent / "run"


@pytest.fixture(scope="module")
def figures(run_dir: Path) -> dict:
    return json.loads((run_dir / "metrics.json").read_text())


def boxes_in(file: Path) -> list[Detection]:
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    return [
        Detection(int(row["frame"]), tuple(float(row[key]) for key in ("x0", "y0", "x1", "y1")), float(row["score"]))
        for row in rows
    ]


def test_fit_writes_boxes_that_give_the_figures_of_metrics_json(run_dir: Path, toy: Path, figures: dict):
    layout = open_layout("folder", toy.parent / "toy")
    videos = []
    for video in layout.videos():
        if video.split == "test":
            boxes = boxes_in(run_dir / "regions" / f"{video.name}.csv")
            videos.append(VideoRegions(video.name, FRAMES, layout.regions(video, FRAMES, SIZE), boxes))
    found = figures["localization"]["regions"]
    assert found.keys() == KEYS
    assert evaluate_regions(videos) == {key: found[key] for key in KEYS - {"skipped_videos"}}
    places = [place for video in videos for place in video.detected]
    assert places
    assert min(place.score for place in places) > figures["localization"]["threshold"]
    # In pixels of the video, twice those of the network.
    assert max(place.box[3] for place in places) <= SIZE[0]
    assert max(place.box[2] for place in places) > 56
    assert all(corner % 16 == 0 for place in places for corner in place.box)


def test_the_threshold_of_boxes_is_the_median_peak_of_held_out_normal_video(run_dir: Path, figures: dict):
    card = json.loads((run_dir / "model.json").read_text())
    levels = card["calibration"]["map"]
    assert (levels["frames"], levels["videos"], levels["quantiles"][0]) == (FRAMES, 1, 0.5)
    assert figures["localization"]["threshold"] == levels["levels"][0]


def test_pixels_and_delay_are_in_metrics_json(run_dir: Path, figures: dict):
    pixels, delay = figures["localization"]["pixels"], figures["delay"]
    assert (pixels["pixels"], pixels["frames"]) == (2 * FRAMES * SIZE[0] * SIZE[1], 2 * FRAMES)
    assert 0 < pixels["pixel_auc"] < 1
    assert pixels["pixel_auc_error"] == 0
    assert delay["events"] == len(delay["per_event"]) > 0
    assert delay["hours"] == pytest.approx(2 * FRAMES / FPS / 3600)
    levels = json.loads((run_dir / "model.json").read_text())["calibration"]["causal"]["levels"]
    assert levels[-1] <= delay["threshold"] < levels[-1] + 1e-9


def test_the_summary_and_the_report_tell_them(run_dir: Path, toy: Path, figures: dict):
    output = (toy.parent / "output.txt").read_text()
    rbdc, auc = figures["localization"]["regions"]["rbdc"], figures["localization"]["pixels"]["pixel_auc"]
    assert f"RBDC {rbdc:.4f}" in output
    assert f"pixel AUC {auc:.4f}" in output
    assert f"of {figures['delay']['events']} events missed" in output
    write_report(run_dir, toy.parent / "report.html")
    page = (toy.parent / "report.html").read_text()
    assert all(f'<data value="{value}">' in page for value in (rbdc, auc))


def test_test_gives_the_same_boxes_and_figures(command, run_dir: Path, toy: Path, figures: dict):
    again, weights = toy.parent / "again", toy.parent / "weights"
    weights.mkdir()
    shutil.copy(run_dir / "model.safetensors", weights)
    card = json.loads((run_dir / "model.json").read_text())
    del card["rule"]["masks"]  # as of weights from before rules had that
    (weights / "model.json").write_text(json.dumps(card))
    assert command("test", "--config", toy, "--weights", weights, "--run_dir", again).code == 0
    metrics = json.loads((again / "metrics.json").read_text())
    assert {key: metrics[key] for key in ("localization", "delay")} == {
        key: figures[key] for key in ("localization", "delay")
    }
    for file in (run_dir / "regions").iterdir():
        assert (again / "regions" / file.name).read_bytes() == file.read_bytes()


def test_another_rule_than_that_of_the_calibration_has_pixels_and_no_boxes(command, run_dir: Path, toy: Path):
    other = toy.parent / "other"
    rule = ("--scoring", "aed_lightning.scoring.rules.PaperRule")
    outcome = command("test", "--config", toy, "--weights", run_dir, "--run_dir", other, *rule)
    assert outcome.code == 0
    assert "no threshold for this rule" in outcome.output
    metrics = json.loads((other / "metrics.json").read_text())
    assert metrics["localization"].keys() == {"threshold", "pixels"}
    assert "delay" not in metrics
    assert not (other / "regions").exists()


def test_a_data_set_without_tracks_and_masks_has_no_localization(trained: Path):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert "localization" not in metrics
    assert "delay" in metrics
    assert not (trained / "regions").exists()
