import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from aed_lightning.cli.start import start_of_teacher
from aed_lightning.cli.training import AedCLI
from aed_lightning.core.checksums import sha256

CHECKPOINTS = [f"checkpoints/{stage}/{name}" for stage in ("teacher", "student") for name in ("last.ckpt",)]


def files_of(run_dir: Path) -> dict[str, bytes]:
    return {str(file.relative_to(run_dir)): file.read_bytes() for file in run_dir.rglob("*") if file.is_file()}


def state_of(run_dir: Path, stage: str) -> dict[str, torch.Tensor]:
    return torch.load(run_dir / "checkpoints" / stage / "last.ckpt", weights_only=True)["state_dict"]


def test_fit_writes_the_files_of_a_run(trained: Path):
    expected = {
        ".lock",
        "config.yaml",
        "environment.json",
        "metrics.json",
        "model.json",
        "model.safetensors",
        "pictures/index.json",
        "scores/leap.npz",
        "scores/stop.npz",
        *CHECKPOINTS,
        *(f"{file}.sha256" for file in CHECKPOINTS),
    }
    found = files_of(trained).keys()
    assert expected <= found
    assert {file for file in found - expected if not file.startswith(("logs/", "pictures/"))} == set()


def test_what_fit_writes_says_what_made_it(trained: Path):
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["teacher"]["batch_size"] == 8
    assert config["model"]["patch_size"] == 8
    environment = json.loads((trained / "environment.json").read_text())
    assert {"command", "commit", "seed", "device", "packages"} <= environment.keys()
    card = json.loads((trained / "model.json").read_text())
    assert (card["stage"], card["epoch"], card["rule"]["name"]) == ("student", 0, "default")
    assert card["architecture"]["frame_size"] == [32, 64]
    metrics = json.loads((trained / "metrics.json").read_text())
    assert (metrics["stage"], metrics["videos"], metrics["frames"], metrics["seed"]) == ("student", 2, 42, 0)
    assert {"device", "threads", "command", "commit", "seconds"} <= metrics.keys()


def test_the_summary_says_what_metrics_json_says(trained: Path):
    metrics = json.loads((trained / "metrics.json").read_text())
    output = (trained.parent / "output.txt").read_text()
    for figures in (metrics["standard"], metrics["raw"], metrics["trivial"]["max_motion"]):
        assert f"{figures['micro_auc']:.4f}" in output
    assert "metrics.json" in output


def test_the_sums_beside_the_checkpoints_are_right(trained: Path):
    for file in CHECKPOINTS:
        assert (trained / f"{file}.sha256").read_text() == f"{sha256(trained / file)}  last.ckpt\n"


def test_the_student_stage_changes_the_student_alone(trained: Path):
    teacher, student = state_of(trained, "teacher"), state_of(trained, "student")
    changed = {name for name in teacher if not torch.equal(teacher[name], student[name])}
    assert changed
    assert all(name.startswith(("network.student.", "network.levels.")) for name in changed)


def test_the_weights_are_those_of_the_last_checkpoint(trained: Path):
    weights, state = load_file(trained / "model.safetensors"), state_of(trained, "student")
    assert {f"network.{name}" for name in weights} == set(state)
    assert all(torch.equal(value, state[f"network.{name}"]) for name, value in weights.items())


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(command, squares, trained: Path, tmp_path: Path):
    for seed, same in ((0, True), (1, False)):
        run_dir = tmp_path / str(seed)
        assert command("fit", "--config", squares.config, "--run_dir", run_dir, "--seed", seed).code == 0
        ours, theirs = load_file(run_dir / "model.safetensors"), load_file(trained / "model.safetensors")
        assert all(torch.equal(ours[name], theirs[name]) for name in ours) is same
        with np.load(run_dir / "scores/stop.npz") as one, np.load(trained / "scores/stop.npz") as other:
            assert np.array_equal(one["raw"], other["raw"]) is same


def test_one_stage_after_the_other_gives_the_bits_of_both_at_once(command, squares, trained: Path, tmp_path: Path):
    arguments = ("fit", "--config", squares.config, "--run_dir", tmp_path)
    assert command(*arguments, "--stages", "teacher").code == 0
    assert json.loads((tmp_path / "metrics.json").read_text())["stage"] == "teacher"
    teacher = (tmp_path / "checkpoints/teacher/last.ckpt").read_bytes()
    assert command(*arguments, "--stages", "student").code == 0
    assert (tmp_path / "checkpoints/teacher/last.ckpt").read_bytes() == teacher
    ours, theirs = load_file(tmp_path / "model.safetensors"), load_file(trained / "model.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (tmp_path, trained)]
    assert metrics[0]["standard"] == metrics[1]["standard"]


def test_a_student_without_a_teacher_is_refused(command, squares, tmp_path: Path):
    arguments = ("--stages", "student", "--teacher.start_from", "ped2")
    outcome = command("fit", "--config", squares.config, "--run_dir", tmp_path, *arguments)
    assert outcome.code == 1
    assert "checkpoints/teacher/last.ckpt: no trained teacher; train it with --stages teacher" in outcome.errors


def test_a_second_training_in_one_run_directory_is_refused(command, squares, trained: Path):
    before = files_of(trained)
    outcome = command("fit", "--config", squares.config, "--run_dir", trained)
    assert outcome.code == 2
    assert f"--run_dir {trained}: holds a training already (teacher, student)" in outcome.errors
    assert "--resume auto" in outcome.errors
    assert {**files_of(trained), ".lock": b""} == {**before, ".lock": b""}


NO_EPOCHS = ("--teacher.epochs", "0", "--student.epochs", "0", "--evaluate", "false")


def test_a_training_starts_from_weights_with_frames_of_another_size(command, squares, trained: Path, tmp_path: Path):
    arguments = ("fit", "--config", squares.config, "--run_dir", tmp_path, "--teacher.start_from", trained, *NO_EPOCHS)
    others = ("--data.frame_size", "[48, 48]", "--data.store", tmp_path / "store", "--model.mask_ratio", "0.25")
    outcome = command(*arguments, *others)
    assert outcome.code == 0, outcome.errors
    assert f"starting from the weights of {trained}" in outcome.output
    assert f"start_from: {trained}" in (tmp_path / "config.yaml").read_text()
    ours, theirs = load_file(tmp_path / "model.safetensors"), load_file(trained / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if not name.startswith("levels."))


def test_what_is_normal_and_a_new_head_are_not_taken_over(squares, trained: Path, capsys):
    arguments = ["--config", squares.config, "--teacher.start_from", trained, "--model.token_head", "true"]
    cli = AedCLI(list(map(str, arguments)), "fit")
    before = {name: value.clone() for name, value in cli.network.state_dict().items()}
    start = start_of_teacher(cli, begins=True)
    assert start is not None
    start.begin(cli, start.card["held_out"])
    now = cli.network.state_dict()
    assert all(torch.equal(now[name], start.state.get(name, before[name])) for name in now if "levels." not in name)
    assert all(torch.equal(now[name], before[name]) for name in now if name.startswith(("levels.", "token_head.")))
    assert not all(torch.equal(value, before[name]) for name, value in start.state.items() if "levels." in name)
    assert "held out" not in capsys.readouterr().out
    start.begin(cli, ["walk_7"])
    assert "held out here, but not in the training of those weights: walk_7; validation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "code", "message"),
    [
        (("--model.patch_size", "16"), 1, "a checkpoint of another architecture: patch_size 8 (configured: 16)"),
        (("--teacher.start_from", "nowhere"), 2, "teacher.start_from nowhere: no such run directory"),
    ],
)
def test_weights_that_a_training_cannot_start_from_are_refused(
    command, squares, trained: Path, tmp_path: Path, option: tuple[str, str], code: int, message: str
):
    run_dir = tmp_path / "run"
    arguments = ("fit", "--config", squares.config, "--run_dir", run_dir, "--teacher.start_from", trained)
    outcome = command(*arguments, *option)
    assert (outcome.code, run_dir.exists()) == (code, False)
    assert message in outcome.errors


def test_what_a_training_started_from_is_part_of_its_configuration(command, squares, trained: Path, tmp_path: Path):
    arguments = ("fit", "--config", squares.config, "--run_dir", tmp_path, *NO_EPOCHS)
    from_there = ("--teacher.start_from", trained)
    assert command(*arguments, *from_there).code == 0
    (tmp_path / "checkpoints/teacher").mkdir(parents=True, exist_ok=True)
    shutil.copy(trained / "checkpoints/teacher/last.ckpt", tmp_path / "checkpoints/teacher/last.ckpt")
    outcome = command(*arguments, "--resume", "auto")
    assert outcome.code == 2
    assert f"teacher.start_from {trained} (now None)" in outcome.errors
    outcome = command(*arguments, *from_there, "--resume", "auto")
    assert outcome.code == 0, outcome.errors
    assert "starting from" not in outcome.output
    for options in (("--resume", "force"), ("--resume", "force", "--stages", "student")):
        outcome = command(*arguments, "--teacher.start_from", "ped2", *options)
        assert outcome.code == 2
        assert f"ped2: {tmp_path} has a teacher already, which started from {trained}; give {trained}" in outcome.errors
    outcome = command(*arguments, "--resume", "force")
    assert (outcome.code, "teacher.start_from None" in outcome.errors) == (2, True)
    assert f"start_from: {trained}" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize("option", [("--evaluate", "false")])
def test_without_evaluation_no_test_video_is_scored(command, squares, tmp_path: Path, option: tuple[str, str]):
    arguments = ("--run_dir", tmp_path, "--student.epochs", "0", *option)
    assert command("fit", "--config", squares.config, *arguments).code == 0
    assert not (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "scores").exists()
    assert (tmp_path / "model.safetensors").is_file()


def test_a_run_directory_that_cannot_be_made_is_named(command, squares, tmp_path: Path, monkeypatch):
    def refused(folder, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))

    monkeypatch.setattr("aed_lightning.cli.fit.locked", refused)
    outcome = command("fit", "--config", squares.config, "--run_dir", tmp_path / "run")
    assert outcome.code == 1
    assert f"{tmp_path / 'run'}: Read-only file system" in outcome.errors
