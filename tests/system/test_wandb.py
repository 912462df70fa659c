import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import wandb
import yaml
from PIL import Image
from safetensors.torch import load_file
from wandb_records import configuration, history, of_kind, summary

import aed_lightning
from aed_lightning.stages import TeacherStage

LOGGER = ("--trainer.logger", "WandbLogger")
STEPS = 11
SHORT_STEPS = 2
SHORT = ("--trainer.limit_train_batches", SHORT_STEPS, "--trainer.log_every_n_steps", 1)


def nobody_logged_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No key, no mode, and a current directory and a home in which every stray file is seen."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, place in (("HOME", "home"), ("NETRC", "home/netrc"), ("WANDB_CONFIG_DIR", "home/config")):
        monkeypatch.setenv(name, str(folder / place))
    for place in ("here", "home"):
        (folder / place).mkdir(exist_ok=True)
    monkeypatch.chdir(folder / "here")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("workplace")
    with pytest.MonkeyPatch.context() as monkeypatch:
        nobody_logged_in(monkeypatch, folder)
        yield folder
        wandb.teardown()  # while the home is still this one


@pytest.fixture(scope="module")
def logged(command, squares, workplace: Path, one_thread: None) -> Path:
    """The run directory of a whole `fit` with W&B, by somebody who is not logged in."""
    run_dir = workplace / "plaza"
    outcome = command("fit", "--config", squares.config, "--run_dir", run_dir, *LOGGER)
    assert outcome.code == 0, outcome
    (workplace / "started.txt").write_text("\n".join(wandb_processes()))
    wandb.teardown()  # its process writes behind; when it has ended, the files are whole
    return run_dir


def wandb_processes() -> list[str]:
    """Command lines of the processes that wandb has started for this one."""
    started = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # ended meanwhile
            continue
        if command[0].endswith("wandb-core") and str(os.getpid()) in command:
            started.append(" ".join(command))
    return started


def record_files(run_dir: Path) -> list[Path]:
    return sorted(run_dir.glob("wandb/offline-run-*/run-*.wandb"))


def logged_under(run_dir: Path, name: str) -> list[float]:
    return [row[name] for row in history(record_files(run_dir)[0]) if name in row]


def same_weights(first: Path, second: Path) -> bool:
    ours, theirs = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_with_wandb_the_weights_and_scores_are_bit_for_bit_those_without(logged: Path, trained: Path):
    assert same_weights(logged, trained)
    with np.load(logged / "scores/stop.npz") as ours, np.load(trained / "scores/stop.npz") as theirs:
        assert np.array_equal(ours["raw"], theirs["raw"])


def test_without_a_key_one_offline_run_holds_both_stages_under_the_name_of_the_directory(logged: Path):
    (file,) = record_files(logged)
    (run,) = of_kind(file, "run")[:1]
    assert run.display_name == "plaza"
    assert (logged / "wandb/run_id").read_text() == f"{run.run_id}\n"
    assert [end.exit_code for end in of_kind(file, "exit")] == [0]


def test_losses_and_aucs_are_those_of_the_csv_files_and_the_student_follows_the_teacher(logged: Path):
    for stage in ("teacher", "student"):
        lines = (logged / f"logs/{stage}/metrics.csv").read_text().splitlines()
        names = lines[0].split(",")
        loss = [line.split(",")[names.index(f"train/{stage}_loss")] for line in lines[1:]]
        assert logged_under(logged, f"train/{stage}_loss") == pytest.approx([float(value) for value in loss if value])
    rows = [row for row in history(record_files(logged)[0]) if "val/score" in row]
    assert [row["trainer/global_step"] for row in rows[:2]] == [STEPS - 1, 2 * STEPS - 1]
    metrics = json.loads((logged / "metrics.json").read_text())
    assert logged_under(logged, "test/micro_auc") == pytest.approx([metrics["standard"]["micro_auc"]])


def test_the_configuration_of_the_run_is_config_yaml(logged: Path):
    said = configuration(record_files(logged)[0])
    assert {key: said[key] for key in said if key != "_wandb"} == yaml.safe_load((logged / "config.yaml").read_text())


def test_the_summary_holds_the_figures_of_both_protocols(logged: Path):
    said, metrics = summary(record_files(logged)[0]), json.loads((logged / "metrics.json").read_text())
    for protocol, names in (("standard", ("micro_auc", "macro_auc")), ("official", ("micro_auc", "macro_auc_padded"))):
        for name in names:
            assert said[f"{protocol}/{name}"] == metrics[protocol][name]


def test_the_worst_frames_with_their_maps_and_the_score_curves_are_pictures(logged: Path):
    (row,) = [row for row in history(record_files(logged)[0]) if "worst/misses/filenames" in row]
    files = record_files(logged)[0].parent / "files"
    index = json.loads((logged / "pictures/index.json").read_text())
    for mistake in ("false_alarms", "misses"):
        assert len(row[f"worst/{mistake}/filenames"]) == len(index[mistake]) > 0
        shown = zip(row[f"worst/{mistake}/filenames"], row[f"worst/{mistake}/captions"], index[mistake], strict=True)
        for name, caption, entry in shown:
            assert f"{entry['video']}, frame {entry['frame']}:" in caption
            with Image.open(files / name) as ours, Image.open(logged / "pictures" / entry["file"]) as theirs:
                assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    for video in ("leap", "stop"):
        with Image.open(files / row[f"scores/{video}/path"]) as curve:
            assert len(np.unique(np.asarray(curve.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_the_report_is_an_artifact_which_a_later_report_does_not_change(logged: Path):
    (artifact,) = of_kind(record_files(logged)[0], "artifact")
    (entry,) = artifact.manifest.contents
    assert (artifact.type, entry.path) == ("report", "report.html")
    kept = Path(entry.local_path)
    assert kept.read_bytes() == (logged / "report.html").read_bytes()
    assert kept.resolve() != (logged / "report.html").resolve()
    assert logged in kept.resolve().parents


def test_no_file_lands_outside_the_run_directory_but_wandb_s_own_log(logged: Path, workplace: Path):
    found = [path for place in ("here", "home") for path in (workplace / place).rglob("*") if path.is_file()]
    assert [path for path in found if "matplotlib" not in path.parts and ".cache/wandb/logs" not in str(path)] == []


def test_the_process_that_wandb_starts_reports_nothing_to_its_makers(logged: Path, workplace: Path):
    started = (workplace / "started.txt").read_text().splitlines()
    assert started
    assert all("--no-observability" in command for command in started)


def test_a_training_that_goes_on_goes_on_in_its_wandb_run(command, squares, workplace: Path):
    run_dir = workplace / "parts"
    arguments = ("fit", "--config", squares.config, "--run_dir", run_dir, "--evaluate", "false", *LOGGER, *SHORT)
    assert command(*arguments, "--stages", "teacher").code == 0
    assert command(*arguments, "--resume", "auto").code == 0
    wandb.teardown()  # its process writes behind; when it has ended, the files are whole
    first, second = record_files(run_dir)
    assert of_kind(first, "run")[0].run_id == of_kind(second, "run")[0].run_id
    (loss,) = [row for row in history(second) if "train/student_loss" in row]
    assert loss["trainer/global_step"] == SHORT_STEPS + 1  # the second of the student's, after the teacher's


def test_the_run_has_the_id_that_the_environment_gives(command, squares, workplace: Path, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "fromenv1")
    run_dir = workplace / "named"
    arguments = ("fit", "--config", squares.config, "--run_dir", run_dir, "--evaluate", "false", *LOGGER, *SHORT)
    assert command(*arguments, "--stages", "teacher").code == 0
    wandb.teardown()
    assert [of_kind(file, "run")[0].run_id for file in record_files(run_dir)] == ["fromenv1"]
    assert (run_dir / "wandb/run_id").read_text() == "fromenv1\n"


def test_a_wandb_that_cannot_start_is_one_warning_and_the_training_goes_on(command, squares, workplace: Path):
    run_dir = workplace / "blocked"
    run_dir.mkdir()
    (run_dir / "wandb").write_text("a file where a folder belongs")
    with pytest.warns(UserWarning, match="Weights & Biases failed .*; the training goes on") as warned:
        outcome = command("fit", "--config", squares.config, "--run_dir", run_dir, *LOGGER, *SHORT)
    assert outcome.code == 0, outcome
    assert sum("Weights & Biases" in str(warning.message) for warning in warned) == 1
    assert {"metrics.json", "model.safetensors"} <= {file.name for file in run_dir.iterdir()}


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from aed_lightning.__main__ import main
from aed_lightning.stages import StudentStage

torch.set_num_threads(1)
start = StudentStage.on_train_start

def end_wandb(stage):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\\0")
        except OSError:
            continue
        if command[0].endswith(b"wandb-core") and str(os.getpid()).encode() in command:
            os.kill(int(folder.name), signal.SIGKILL)
            print("killed")
    start(stage)

StudentStage.on_train_start = end_wandb
sys.exit(main(sys.argv[1:]))
"""


def test_a_wandb_that_dies_in_the_middle_is_one_warning_and_the_training_goes_on(squares, workplace: Path):
    run_dir = workplace / "died"
    arguments = ("fit", "--config", squares.config, "--run_dir", run_dir, *LOGGER, *SHORT)
    # Not the service of this process, which wandb tells its children of.
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    own |= {"WANDB_MODE": "offline", "PYTHONPATH": str(Path(aed_lightning.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)], capture_output=True, text=True, timeout=600, env=own
    )
    assert done.returncode == 0, done
    assert "killed" in done.stdout
    assert done.stderr.count("Weights & Biases failed") == 1
    assert {"metrics.json", "model.safetensors"} <= {file.name for file in run_dir.iterdir()}


def test_a_stopped_training_ends_its_wandb_run_as_not_completed(
    command, squares, workplace: Path, monkeypatch: pytest.MonkeyPatch
):
    start = TeacherStage.on_train_start

    def stop(stage: TeacherStage) -> None:
        start(stage)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TeacherStage, "on_train_start", stop)
    run_dir = workplace / "stopped"
    assert command("fit", "--config", squares.config, "--run_dir", run_dir, *LOGGER).code == 143
    wandb.teardown()
    assert [end.exit_code for end in of_kind(record_files(run_dir)[0], "exit")] == [1]
