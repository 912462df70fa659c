"""What each release has written is read and gone on with by this one (tests/vectors/checkpoints/keep.py)."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import aed_lightning
from aed_lightning.model.weights import load_weights, read_checkpoint

KEPT = Path(__file__).parents[1] / "vectors" / "checkpoints"
RELEASES = sorted(folder.name for folder in KEPT.iterdir() if folder.is_dir() and not folder.name.startswith("_"))


def test_this_release_has_kept_one():
    assert aed_lightning.__version__ in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_a_checkpoint_of_a_release_is_gone_on_with(command, squares, tmp_path: Path, release: str):
    shutil.copytree(KEPT / release, tmp_path / "run")
    before, _ = read_checkpoint(tmp_path / "run/checkpoints/teacher/last.ckpt")
    assert before["finished_epochs"] < 2
    places = ("--data.root", squares.root, "--data.store", squares.store)
    kept = yaml.safe_load((KEPT / release / "config.yaml").read_text())
    (tmp_path / "kept.yaml").write_text(yaml.safe_dump({key: kept[key] for key in kept if key != "run_dir"}))
    arguments = ("--config", tmp_path / "kept.yaml", *places, "--run_dir", tmp_path / "run", "--evaluate", "false")
    outcome = command("fit", *arguments, "--resume", "auto")
    assert outcome.code == 0, outcome
    assert "starting anew" not in outcome.output
    assert "teacher epoch 1/" not in outcome.output
    after, _ = read_checkpoint(tmp_path / "run/checkpoints/teacher/last.ckpt")
    assert after["finished_epochs"] == 2


@pytest.mark.parametrize("release", RELEASES)
def test_weights_of_a_release_score_videos(command, squares, tmp_path: Path, release: str):
    network, card = load_weights(KEPT / release)
    assert card["stage"] == "student"
    assert network.patch_size == 8
    video = squares.root / "test" / "stop.avi"
    outcome = command("score", "--source", video, "--weights", KEPT / release, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome
    scores = np.genfromtxt(tmp_path / "out" / "scores.csv", delimiter=",", names=True)
    assert len(scores) == 20
