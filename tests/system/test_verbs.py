import json
import shutil
from pathlib import Path

import numpy as np
from squares import write_squares

from aed_lightning.data.lock import locked


def scores_of(run_dir: Path) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for file in sorted((run_dir / "scores").glob("*.npz")):
        with np.load(file) as columns:
            found[file.stem] = {name: columns[name] for name in columns.files}
    return found


def assert_same_scores(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for video, columns in first.items():
        assert columns.keys() == second[video].keys()
        for name, column in columns.items():
            np.testing.assert_array_equal(column, second[video][name])


def figures_of(run_dir: Path) -> dict:
    metrics = json.loads((run_dir / "metrics.json").read_text())
    return {key: value for key, value in metrics.items() if key not in ("command", "seconds")}


def test_test_gives_exactly_the_figures_and_scores_of_fit(command, squares, trained: Path, tmp_path: Path):
    run_dir = tmp_path / "again"
    outcome = command("test", "--config", squares.config, "--weights", trained, "--run_dir", run_dir)
    assert outcome.code == 0
    assert figures_of(run_dir) == figures_of(trained)
    assert_same_scores(scores_of(run_dir), scores_of(trained))
    assert f"{figures_of(trained)['standard']['micro_auc']:.4f}" in outcome.output


def test_test_takes_a_checkpoint_file(command, squares, trained: Path, tmp_path: Path):
    file = trained / "checkpoints/student/last.ckpt"
    assert command("test", "--config", squares.config, "--weights", file, "--run_dir", tmp_path / "run").code == 0
    # A checkpoint knows no threshold, and without one there is no delay of detection.
    assert figures_of(tmp_path / "run") == {k: v for k, v in figures_of(trained).items() if k != "delay"}
    assert "delay" in figures_of(trained)


def test_the_resolved_configuration_of_a_run_makes_the_run_again(command, trained: Path, tmp_path: Path):
    arguments = ("--config", trained / "config.yaml", "--weights", trained, "--run_dir", tmp_path / "run")
    assert command("test", *arguments).code == 0
    assert figures_of(tmp_path / "run") == figures_of(trained)


def test_a_run_directory_that_is_not_empty_is_refused_and_left_alone(command, squares, trained: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    outcome = command("test", "--config", squares.config, "--weights", trained, "--run_dir", tmp_path)
    assert outcome.code == 2
    assert f"--run_dir {tmp_path} is not empty; give another one" in outcome.errors
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_directory_that_another_evaluation_writes_is_left_to_it(command, squares, trained: Path, tmp_path: Path):
    with locked(tmp_path / "run", 0.0, print):
        outcome = command("test", "--config", squares.config, "--weights", trained, "--run_dir", tmp_path / "run")
    assert outcome.code == 1
    assert f"{tmp_path}/run is being written by process" in outcome.errors
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_without_weights_those_of_the_run_directory_are_tested_beside_it(command, squares, trained: Path, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    assert command("test", "--config", squares.config, "--run_dir", tmp_path / "run").code == 0
    assert figures_of(tmp_path / "run-test") == figures_of(trained)


def test_weights_that_are_not_there_are_refused(command, squares, tmp_path: Path):
    nowhere = tmp_path / "nowhere"
    outcome = command("test", "--config", squares.config, "--weights", nowhere, "--run_dir", tmp_path / "run")
    assert outcome.code == 2
    assert f"--weights {nowhere}: no such run directory or checkpoint file" in outcome.errors
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    outcome = command("test", "--config", squares.config, "--weights", unfinished, "--run_dir", tmp_path / "run")
    assert outcome.code == 1
    assert "has `fit` finished there?" in outcome.errors


def test_validate_prints_the_figures_of_the_held_out_videos(command, squares, trained: Path, tmp_path: Path):
    arguments = ("--config", squares.config, "--weights", trained, "--run_dir", tmp_path / "run")
    outcome = command("validate", *arguments)
    assert outcome.code == 0
    printed = dict(line.split() for line in outcome.output.splitlines() if line.startswith("val/"))
    grades = {"val/easy_auc", "val/medium_auc", "val/hard_auc"}
    assert printed.keys() - grades == {"val/macro_auc", "val/micro_auc", "val/score"}
    assert printed.keys() & grades
    trained_with = (trained.parent / "output.txt").read_text().splitlines()
    student = next(line for line in trained_with if line.startswith("student epoch 1/1"))
    assert f"val/micro_auc {printed['val/micro_auc']}" in student
    assert not (tmp_path / "run/metrics.json").exists()


def test_predict_writes_the_scores_of_test_videos_without_labels(command, squares, trained: Path, tmp_path: Path):
    root = write_squares(tmp_path / "download", labels=False)
    places = ("--data.root", root, "--data.store", tmp_path / "store", "--run_dir", tmp_path / "run")
    outcome = command("predict", "--config", squares.config, "--weights", trained, *places)
    assert outcome.code == 0
    assert f"scores written to {tmp_path / 'run/scores'}" in outcome.output
    unlabeled, labeled = scores_of(tmp_path / "run"), scores_of(trained)
    assert unlabeled.keys() == labeled.keys()
    for video, columns in unlabeled.items():
        assert set(columns) == {"frame_index", "raw", "smoothed"}
        np.testing.assert_array_equal(columns["raw"], labeled[video]["raw"])
    assert not (tmp_path / "run/metrics.json").exists()


def test_prepare_fills_the_store_and_check_finds_what_is_wrong_with_it(command, squares, tmp_path: Path):
    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store")
    missing = command(*arguments, "--check")
    assert missing.code == 1
    prepared = command(*arguments)
    assert prepared.code == 0
    assert "154 frames of 6 videos to decode, 0.00 GiB needed, " in prepared.output
    assert "6 videos, 154 frames, 17 of them anomalous" in prepared.output
    fine = command(*arguments, "--check")
    assert (fine.code, fine.output.splitlines()[-1]) == (0, f"{tmp_path / 'store'}: as it should be")
    assert "labels/frames/leap.npy" in fine.output
    frames = tmp_path / "store/frames/train/walk2.u8"
    frames.write_bytes(frames.read_bytes()[:-1])
    broken = command(*arguments, "--check")
    assert broken.code == 1
    assert f"{frames}: " in broken.output
    assert broken.output.splitlines()[-1] == f"{tmp_path / 'store'}: 1 problems"
    assert command(*arguments).code == 0
    assert command(*arguments, "--check").code == 0


def test_prepare_takes_several_workers_and_previews_the_clips(command, squares, tmp_path: Path):
    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store", "--workers", 2)
    outcome = command(*arguments, "--preview", tmp_path / "seen", "--preview-clips", 3)
    assert outcome.code == 0
    assert "[6/6] " in outcome.output
    assert sorted(file.name for file in (tmp_path / "seen").iterdir()) == ["clips-01-of-01.png", "clips.mp4"]
    assert f"preview: {tmp_path / 'seen/clips.mp4'}" in outcome.output
    assert "--preview-clips 0: give 1 or more" in command(*arguments, "--preview-clips", 0).errors


def test_prepare_describes_every_data_set_without_a_configuration(command):
    names = command("prepare", "--describe")
    assert names.code == 0
    for line in names.output.splitlines():
        described = command("prepare", "--describe", line.split()[0])
        assert described.code == 0
        for part in ("expected below --data.root:", "where to get it:", "licence:", "cite:", "labels:"):
            assert f"\n{part}\n" in described.output
    unknown = command("prepare", "--describe", "avenu")
    assert unknown.code == 2
    assert "--describe avenu: no such data set; one of folder, ped1, ped2, avenue" in unknown.errors


def test_a_second_prepare_decodes_nothing(command, squares, tmp_path: Path):
    arguments = ("prepare", "--config", squares.config, "--data.store", tmp_path / "store")
    assert "[1/6] walk1: 28 of 154 frames, " in command(*arguments).output
    frames = tmp_path / "store/frames/train/walk1.u8"
    before = frames.stat().st_mtime_ns
    assert "walk1" not in command(*arguments).output
    assert frames.stat().st_mtime_ns == before


def test_validation_on_videos_that_were_trained_on_is_refused(command, squares, trained: Path, tmp_path: Path):
    arguments = ("validate", "--config", squares.config, "--weights", trained, "--run_dir", tmp_path / "run")
    outcome = command(*arguments, "--data.holdout", 3)
    assert outcome.code == 2
    assert "--data.holdout 3: the weights were trained on walk" in outcome.errors
    nothing = command(*arguments, "--data.holdout", 0)
    assert nothing.code == 2
    assert "no video is held out" in nothing.errors


def test_nothing_to_predict_or_test_is_refused_before_anything_is_written(command, squares, trained: Path, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(squares.root / "train", root / "train")
    places = ("--data.root", root, "--data.store", tmp_path / "store", "--run_dir", tmp_path / "run")
    for verb in ("predict", "test"):
        outcome = command(verb, "--config", squares.config, "--weights", trained, *places)
        assert outcome.code == 1
        assert "no test videos" in outcome.errors
    assert not (tmp_path / "run").exists()
