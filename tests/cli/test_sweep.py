import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from aed_lightning.__main__ import main
from aed_lightning.data.lock import locked
from aed_lightning.sweeps.runner import LOCKS

ROOT = Path(__file__).parents[2]
DEBUG = ROOT / "configs" / "overrides" / "debug.yaml"
FILES = sorted((ROOT / "experiments" / "sweeps").glob("*.yaml"))


def sweep_file(folder: Path, configuration: Path, parameters: dict, **more) -> Path:
    file = folder / "shares.yaml"
    command = [
        "${env}", "${interpreter}", "-m", "aed_lightning", "fit", "--config", str(configuration), "--config",
        str(DEBUG), "${args}",
    ]  # fmt: skip
    file.write_text(yaml.safe_dump({"method": "grid", "parameters": parameters, "command": command, **more}))
    return file


def test_a_dry_run_prints_the_commands_and_runs_nothing(squares, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = sweep_file(tmp_path, squares.config, {"data.augmentation_percentage": {"values": [0, 50]}})
    assert main(["sweep", str(file), "--dry-run", "--set", "seed=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(str(DEBUG))[2] for line in lines] == [
        f" --data.augmentation_percentage={share} --seed=3 --run_dir=runs/sweeps/shares/augmentation_percentage={share}"
        " --resume=auto"
        for share in (0, 50)
    ]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_fit_takes_every_run_of_our_files(file: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    runs = ["--runs", "3"] if yaml.safe_load(file.read_text())["method"] == "random" else []
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), *runs, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("-m aed_lightning fit --config configs/") >= 3


def test_a_command_that_wandb_s_agent_makes_of_the_file_runs(squares, tmp_path: Path):
    parameters = {"data.augmentation_percentage": {"value": 25}, "seed": {"value": 3}}
    file = sweep_file(tmp_path, squares.config, parameters)
    words = create_sweep_command(yaml.safe_load(file.read_text())["command"])
    expanded = create_sweep_command_args({"args": parameters})
    command = [part for word in words for part in expanded.get(word[2:-1], [word])]
    place = command.index("-m")
    ran = subprocess.run(
        [sys.executable, *command[place:], "--run_dir", str(tmp_path / "run")], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads((tmp_path / "run/metrics.json").read_text())["seed"] == 3
    assert "augmentation_percentage: 25" in (tmp_path / "run/config.yaml").read_text()


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({"data.no_such_key": {"value": 1}}, [], "run no_such_key=1 is refused by fit, as said above"),
        ({"model.patch_size": {"values": [8, 7]}}, [], "run patch_size=7 is refused by fit: "),
        ({"trainer.devices": {"values": [4096]}}, [], "run devices=4096 is refused by fit: trainer.devices 4096"),
        ({"seed": {"value": 1}}, ["--jobs", "0"], "--jobs 0: give 1 or more"),
        ({"seed": {"value": 1}}, ["--set", "seed"], "--set seed: give KEY=VALUE"),
        ({"seed": {"value": 1}}, ["--set", "teacher.start_from=x"], "fit: teacher.start_from x: no such run directory"),
        (
            {"seed": {"value": 1}},
            ["--set", "teacher.start_from=ped2"],
            "is refused by fit: ped2: a checkpoint of another",
        ),
        (
            {"scoring.init_args.floor": {"values": [1, 2]}},
            ["--set", "scoring.floor=3"],
            "runs floor=1 and floor=2 would be the same training: something after ${args}",
        ),
    ],
)
def test_what_fit_would_refuse_is_refused_before_anything_starts(
    squares, tmp_path: Path, monkeypatch, capsys, parameters, options, message
):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", str(sweep_file(tmp_path, squares.config, parameters)), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_without_repeating_a_finished_run(squares, tmp_path: Path):
    file = sweep_file(tmp_path, squares.config, {"seed": {"values": [0, 1, 2]}})
    command = [sys.executable, "-m", "aed_lightning", "sweep", str(file), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (tmp_path / "out" / "seed=1" / "config.yaml").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = (tmp_path / "out" / "seed=0" / "metrics.json").stat().st_mtime_ns
    # The run that it had begun outlives it; while it lives nobody begins it anew.
    subprocess.run(["pkill", "-KILL", "-f", f"run_dir={tmp_path}/out"], check=False)
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert "1/3 seed=0: done already" in done.stdout
    assert "3 of 3 runs" in done.stdout
    assert (tmp_path / "out" / "seed=0" / "metrics.json").stat().st_mtime_ns == finished
    assert all(
        json.loads((tmp_path / "out" / f"seed={seed}" / "metrics.json").read_text())["seed"] == seed
        for seed in range(3)
    )


def test_for_slurm_a_dry_run_prints_the_commands_and_the_submission(squares, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # it needs no SLURM
    file = sweep_file(tmp_path, squares.config, {"seed": {"values": [3, 4]}})
    assert main(["sweep", str(file), "--jobs", "1", "--set", "data.holdout=2", "--slurm", "--dry-run"]) == 0
    *runs, submission = capsys.readouterr().out.splitlines()
    assert [line.split()[-2] for line in runs] == [f"--run_dir=runs/sweeps/shares/seed={seed}" for seed in (3, 4)]
    assert submission == (
        "sbatch --parsable --array=0,1%1 --output=runs/sweeps/shares/.logs/slurm-%a.txt "
        "experiments/cluster/sweep_array.sh runs/sweeps/shares/.commands "
        f"{sys.executable} -m aed_lightning sweep {file} "
        "--out runs/sweeps/shares --set data.holdout=2 --table"
    )
    assert not (tmp_path / "runs").exists()


def test_slurm_without_sbatch_is_refused_before_anything_is_written(squares, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["sweep", str(sweep_file(tmp_path, squares.config, {"seed": {"value": 1}})), "--slurm"]) == 2
    assert "no sbatch on this machine; give the command where" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_table_alone_runs_nothing(squares, tmp_path: Path, capsys):
    file = sweep_file(tmp_path, squares.config, {"seed": {"value": 1}})
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), "--table"]) == 2
    assert "nothing was run in" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), "--table"]) == 0
    assert "0 of 1 runs" in (tmp_path / "out" / "results.md").read_text()
    assert not (tmp_path / "out" / "seed=1").exists()


def test_a_later_file_that_overrules_what_is_varied_is_refused(squares, tmp_path: Path, capsys):
    later = tmp_path / "later.yaml"
    later.write_text("seed: 7\n")
    file = sweep_file(tmp_path, squares.config, {"seed": {"values": [0, 1]}})
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), "--set", f"config={later}"]) == 2
    assert "runs seed=0 and seed=1 would be the same training" in capsys.readouterr().err


def test_runs_in_hand_elsewhere_are_named_at_the_end(squares, tmp_path: Path, capsys):
    file = sweep_file(tmp_path, squares.config, {"seed": {"value": 1}})
    with locked(tmp_path / "out" / LOCKS / "seed=1", 0.0, print, being="run"):
        assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 0
    assert "1 of 1 runs are in hand elsewhere: seed=1; when they have ended, go on with" in capsys.readouterr().out
