from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused
from squares import write_squares


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_squares(tmp_path / "download")


@pytest.fixture
def fit(command, squares, root: Path, tmp_path: Path) -> Callable:
    def run(*arguments: object):
        places = ("--data.root", root, "--data.store", tmp_path / "store", "--run_dir", tmp_path / "run")
        outcome = command("fit", "--config", squares.config, *places, *arguments)
        assert not (tmp_path / "run/checkpoints").exists()
        return outcome

    return run


def test_a_missing_root(fit, tmp_path: Path):
    assert_refused(fit("--data.root", tmp_path / "nowhere"), 1, str(tmp_path / "nowhere"))


def test_an_empty_root(fit, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert_refused(fit("--data.root", tmp_path / "empty"), 1, str(tmp_path / "empty"))


@pytest.mark.parametrize("layout", ["ped2", "avenue", "shanghaitech", "ubnormal"])
def test_another_layout_than_the_files_have(fit, root: Path, layout: str):
    assert_refused(fit("--data.layout", layout), 1, str(root))


def test_a_layout_that_does_not_exist(fit):
    assert_refused(fit("--data.layout", "avi"), 2, "avi", "folder")


def test_a_video_without_frames(fit, root: Path):
    (root / "train/walk2.avi").write_bytes(b"")
    assert_refused(fit(), 1, "walk2.avi")


def test_frames_and_labels_that_differ_in_number(fit, root: Path):
    np.save(root / "labels/frames/stop.npy", np.zeros(19, np.uint8))
    assert_refused(fit(), 1, "stop.npy", "19 labels for 20 frames")


def test_an_unknown_key(fit):
    assert_refused(fit("--data.augmentation", 25), 2, "augmentation")


def test_an_unknown_key_in_a_file(fit, tmp_path: Path):
    (tmp_path / "wrong.yaml").write_text("teacher:\n  epoch: 3\n")
    assert_refused(fit("--config", tmp_path / "wrong.yaml"), 2, "epoch")


def test_code_in_a_configuration_is_never_run(fit, tmp_path: Path):
    ran = tmp_path / "ran"
    (tmp_path / "evil.yaml").write_text(f"data:\n  name: !!python/object/apply:os.mkdir ['{ran}']\n")
    assert_refused(fit("--config", tmp_path / "evil.yaml"), 2, "python/object/apply", "line 2")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--teacher.epochs", "many"), ("--data.frame_size", "32"), ("--data.holdout", "1.5"), ("--seed", "x")],
)
def test_a_wrong_type(fit, option: str, value: str):
    assert_refused(fit(option, value), 2, option.removeprefix("--").split(".")[-1], value)


def test_a_configuration_file_that_is_not_there(fit, tmp_path: Path):
    assert_refused(fit("--config", tmp_path / "nowhere.yaml"), 2, "nowhere.yaml")


def test_an_interpolation_of_a_key_that_does_not_exist(fit, tmp_path: Path):
    (tmp_path / "wrong.yaml").write_text("run_dir: runs/${data.nam}\n")
    outcome = fit("--config", tmp_path / "wrong.yaml")
    assert outcome.code == 2
    assert "data.nam" in outcome.errors


def test_a_negative_seed(fit):
    assert_refused(fit("--seed", -1), 2, "--seed -1 is not between 0 and")


def test_a_patch_size_that_does_not_divide_the_frame(fit):
    assert_refused(fit("--model.patch_size", 12), 2, "patch_size 12 does not divide the frame size 32x64", "choose")


def test_a_cell_that_does_not_divide_the_patch(fit):
    assert_refused(fit("--data.cell", 16), 2, "patch_size 8 is not a multiple of data.cell 16")


@pytest.mark.parametrize(
    ("option", "value"), [("teacher.epochs", -1), ("teacher.batch_size", 0), ("student.learning_rate", 0.0)]
)
def test_options_of_a_stage_that_cannot_be_meant(fit, option: str, value: float):
    assert_refused(fit(f"--{option}", value), 2, f"{option.split('.')[1]} {value}", "must")


def test_a_holdout_that_leaves_nothing_to_train_on(fit):
    assert_refused(fit("--data.holdout", 4), 1, "4 training videos, data.holdout 4")


def test_a_root_without_test_labels_unless_nothing_is_evaluated(fit, root: Path):
    for file in (root / "labels/frames").iterdir():
        file.unlink()
    assert_refused(fit(), 1, str(root), "no labels for leap, stop", "--evaluate false")
    arguments = ("--evaluate", "false", "--teacher.epochs", 0, "--student.epochs", 0)
    assert fit(*arguments).code == 0


def test_a_test_set_in_which_one_video_has_no_labels(fit, root: Path):
    (root / "labels/frames/stop.npy").unlink()
    assert_refused(fit(), 1, "stop.avi has no labels")


def test_a_checkpoint_of_another_architecture(command, squares, trained: Path, tmp_path: Path):
    arguments = ("--config", squares.config, "--model.encoder_dim", 64)
    before = (trained / "checkpoints/teacher/last.ckpt").read_bytes()
    resumed = command("fit", *arguments, "--run_dir", trained, "--resume", "auto")
    tested = command("test", *arguments, "--weights", trained, "--run_dir", tmp_path / "run")
    for outcome in (resumed, tested):
        assert_refused(outcome, 1, "another architecture: encoder_dim 32 (configured: 64)")
    assert (trained / "checkpoints/teacher/last.ckpt").read_bytes() == before
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"], ids=["empty", "text"])
def test_a_checkpoint_that_is_none(command, squares, tmp_path: Path, content: bytes):
    file = tmp_path / "run/checkpoints/teacher/last.ckpt"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    outcome = command("fit", "--config", squares.config, "--run_dir", tmp_path / "run", "--resume", "auto")
    assert_refused(outcome, 1, str(file), "not a checkpoint of this program")
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--model.heads", 3, "model.heads 3 does not divide model.encoder_dim 32"),
        ("--model.patch_size", 0, "patch_size 0"),
        ("--data.cell", 0, "data.cell 0"),
        ("--teacher.betas", "[1.5, 0.9]", "betas (1.5, 0.9)"),
        ("--smoothing.official_range", 39, "official_range 39"),
        ("--scoring.top", 0, "scoring.top 0"),
        ("--seed", 2**32, "--seed 4294967296"),
        ("--trainer.max_epochs", 3, "teacher.epochs"),
        ("--trainer.limit_val_batches", 1, "whole videos"),
        ("--trainer.limit_test_batches", 0.5, "whole videos"),
        ("--trainer.limit_val_batches", 1.0, "whole videos"),
        ("--trainer.limit_predict_batches", 2, "whole videos"),
        ("--trainer.overfit_batches", 2, "trainer.overfit_batches 2"),
        ("--trainer.accelerator", "gpu", "trainer: "),
    ],
)
def test_settings_that_would_fail_later_are_refused_with_their_name(fit, option: str, value: object, part: str):
    assert_refused(fit(option, value), 2, part)


@pytest.mark.parametrize("nothing_hidden", ["--scoring.mask_ratio", "--model.mask_ratio"])
def test_several_masks_that_hide_nothing(fit, nothing_hidden: str):
    outcome = fit("--scoring.masks", 4, nothing_hidden, 0)
    assert_refused(outcome, 2, "scoring.masks 4: nothing is hidden, so they are all the same")


def test_a_run_directory_that_is_a_file(fit, tmp_path: Path):
    (tmp_path / "run").write_text("mine")
    assert_refused(fit(), 1, str(tmp_path / "run"))
    assert (tmp_path / "run").read_text() == "mine"


def test_a_track_that_names_a_kind_where_the_label_is_normal(fit, root: Path):
    (root / "labels/tracks").mkdir()
    rows = "track_id,frame,x0,y0,x1,y1,kind\n1,2,0,0,8,8,leap\n"
    (root / "labels/tracks/stop.csv").write_text(rows)
    (root / "labels/tracks/leap.csv").write_text(rows.splitlines()[0] + "\n")
    assert_refused(fit(), 1, "stop: frame 2 has the label 0 and a track of kind 'leap'")
