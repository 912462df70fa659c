import json
from pathlib import Path

import pytest

from aed_lightning.__main__ import main
from aed_lightning.core.environment import has_bfloat16
from aed_lightning.model import AutoEncoder
from aed_lightning.runtime.benchmark import flops_per_frame
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.scoring.rules import DefaultRule

SMALL = ["--size", "32", "64", "--patch", "8", "--batch", "1", "3", "--rounds", "2"]
BASELINE = Path(__file__).parents[2] / "experiments" / "benchmarks" / "plain_network.py"


def test_it_prints_a_table_and_writes_every_figure(tmp_path: Path, capsys):
    file = tmp_path / "speed.json"
    modes = ["--modes", "torch:32-true"]
    assert main(["benchmark", *SMALL, *modes, "--baseline", str(BASELINE), "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["parameters"] > 1e6
    precisions = ["32-true", *(["bf16-mixed"] if has_bfloat16() else [])]
    assert list(found["peak_gflops"]) == precisions
    baselines = ("plain baseline", "plain, memory kept")
    rows = [(row["part"], row["mode"], row["batch"]) for row in found["rows"]]
    assert rows == [
        *(("scoring", mode, batch) for batch in (1, 3) for mode in (*baselines, "torch:32-true")),
        *(("training", mode, 8) for mode in (*baselines, *precisions)),
    ]
    for row in found["rows"]:
        assert row["frames_per_second"] == pytest.approx(1000 * row["batch"] / row["p50_milliseconds"])
        assert row["p50_milliseconds"] <= row["p99_milliseconds"]
    assert [(line["part"], line["mode"], line["batch"]) for line in found["over_baseline"]] == [
        row for row in rows if row[1] != "plain baseline"
    ]
    over = {(line["part"], line["mode"], line["batch"]): line for line in found["over_baseline"]}
    steps = [over["training", precision, 8]["ratio"] for precision in precisions]
    assert found["ratios"] == {
        "cpu_fp32": over["scoring", "torch:32-true", 3]["ratio"],
        "cpu_best": over["scoring", "torch:32-true", 3]["ratio"],
        "cpu_fp32_vs_best_batch": over["scoring", "torch:32-true", 3]["ratio_to_best_batch"],
        "cpu_best_vs_best_batch": over["scoring", "torch:32-true", 3]["ratio_to_best_batch"],
        "train_step": max(steps),
    }
    assert set(found["spread"]) == {"cpu_fp32", "cpu_best", "train_step"}
    printed = capsys.readouterr().out
    assert "plain baseline" in printed
    assert "GFLOP a frame" in printed


def test_a_frame_takes_the_operations_that_the_method_says():
    network = AutoEncoder((320, 640), 16, mask_ratio=0.5)
    graph = ScoringGraph(network.eval(), DefaultRule(discrepancy_weight=1.0), with_student=True, channels=3)
    assert flops_per_frame(graph) == pytest.approx(4.88e9, rel=1e-3)


def test_the_baseline_computes_all_tokens_whatever_is_active(tmp_path: Path):
    options = ["--modes", "torch:32-true", "--active-ratio", "0.3", "--baseline", str(BASELINE)]
    assert main(["benchmark", *SMALL, *options, "--json", str(tmp_path / "speed.json")]) == 0


def test_without_a_baseline_there_are_no_ratios_and_training_can_be_left_out(tmp_path: Path):
    file = tmp_path / "speed.json"
    modes = ["--modes", "torch:32-true"]
    assert main(["benchmark", *SMALL, *modes, "--active-ratio", "0.5", "--no-training", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["over_baseline"] == []
    assert found["ratios"] == {}
    assert {row["part"] for row in found["rows"]} == {"scoring"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--modes", "magic:32-true"], 2, "backend 'magic': give one of torch, compile, onnx, openvino"),
        (["--rounds", "0"], 2, "--rounds 0: give 1 or more"),
        (["--batch", "2", "0"], 2, "--batch 2 0, --rounds 2: give 1 or more"),
        (["--modes", "torch"], 2, "mode torch: give backend:precision, as torch:32-true"),
        (["--size", "30", "64"], 2, "does not divide the frame size 30x64"),
        (["--baseline", "nowhere.py"], 1, "nowhere.py: no Python file; give one that defines PlainNetwork"),
        (["--weights", "nowhere"], 2, "--weights nowhere: no such run directory"),
        (["--device", "tpu"], 2, "device 'tpu'"),
    ],
)
def test_refusals(arguments, code, message, capsys):
    assert main(["benchmark", *SMALL, *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_video_and_a_training_s_loader_can_be_timed_too(squares, tmp_path: Path):
    file, video = tmp_path / "speed.json", squares.root / "test" / "stop.avi"
    more = ["--modes", "torch:32-true", "--no-training", "--source", str(video), "--loader", str(squares.config)]
    assert main(["benchmark", *SMALL, *more, "--json", str(file)]) == 0
    rows = {(row["part"], row["mode"]): row for row in json.loads(file.read_text())["rows"]}
    assert {("file", "decode, resize"), ("file", "torch:32-true"), ("loading", "0 workers")} <= set(rows)
    row = rows["file", "torch:32-true"]
    assert row["batch"] == 3
    assert row["frames_per_second"] == pytest.approx(1000 * 20 / row["p50_milliseconds"])  # it has 20 frames
    assert rows["loading", "0 workers"]["frames_per_second"] > 0
    assert main(["benchmark", *SMALL, "--source", str(tmp_path / "none.mp4")]) == 2
