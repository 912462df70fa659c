"""experiments/separate_teacher.py, on the squares."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from squares import write_config, write_squares

ROOT = Path(__file__).parents[2]
SCORES = {"configured", "discrepancy", "mean-error", "mean-error-and-discrepancy"}


def test_a_larger_teacher_and_its_student_are_trained_and_scored(tmp_path: Path):
    root = write_squares(tmp_path / "download")
    config = write_config(tmp_path / "squares.yaml", root, tmp_path / "store")
    script = (sys.executable, "experiments/separate_teacher.py", "--out", tmp_path / "out", "--config", config)
    ran = subprocess.run([*map(str, script), "--seed=1"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    written = {file.parent.name: json.loads(file.read_text()) for file in (tmp_path / "out").glob("*/metrics.json")}
    assert set(written) >= SCORES
    assert {written[name]["rule"] for name in SCORES} == {"default", "official"}
    # The larger teacher alone knows no discrepancy: what differs comes from the student beside it.
    alone, both = (
        np.load(tmp_path / "out" / name / "scores/stop.npz")["raw"]
        for name in ("mean-error", "mean-error-and-discrepancy")
    )
    assert (alone < both).all()
