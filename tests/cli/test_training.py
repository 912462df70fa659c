from pathlib import Path

import pytest
import yaml

from aed_lightning.cli.training import STAGES, AedCLI
from aed_lightning.core import UsageError
from aed_lightning.scoring.rules import DefaultRule, OfficialRule


def parse(squares, *arguments: object, verb: str = "fit") -> AedCLI:
    return AedCLI([str(argument) for argument in ("--config", squares.config, *arguments)], verb)


def test_the_run_directory_follows_the_name_unless_given(squares):
    assert parse(squares).paths.root == Path("runs/squares")
    assert parse(squares, "--data.name", "x").paths.root == Path("runs/x")
    assert parse(squares, "--run_dir", "elsewhere").paths.root == Path("elsewhere")


def test_an_interpolation_follows_what_the_command_line_says(squares, tmp_path: Path):
    (tmp_path / "more.yaml").write_text("run_dir: runs/${data.name}-${seed}\n")
    assert parse(squares, "--config", tmp_path / "more.yaml").paths.root == Path("runs/squares-0")
    overridden = parse(squares, "--config", tmp_path / "more.yaml", "--data.name", "x", "--seed", 3)
    assert overridden.paths.root == Path("runs/x-3")


def test_an_interpolation_in_one_file_follows_a_later_file(squares, tmp_path: Path):
    (tmp_path / "first.yaml").write_text("run_dir: runs/${data.name}\n")
    (tmp_path / "second.yaml").write_text("data:\n  name: plaza\n")
    cli = parse(squares, "--config", tmp_path / "first.yaml", "--config", tmp_path / "second.yaml")
    assert cli.paths.root == Path("runs/plaza")


def test_of_two_files_the_later_one_wins_key_by_key(squares, tmp_path: Path):
    (tmp_path / "more.yaml").write_text("teacher:\n  epochs: 9\n")
    cli = parse(squares, "--config", tmp_path / "more.yaml")
    assert (cli.config_init.teacher.epochs, cli.config_init.teacher.batch_size) == (9, 8)
    assert cli.config_init.student.epochs == 1
    assert parse(squares, "--config", tmp_path / "more.yaml", "--teacher.epochs", 4).config_init.teacher.epochs == 4


def test_frame_size_patch_size_and_seed_are_said_once(squares):
    cli = parse(squares, "--data.frame_size", "[48, 96]", "--model.patch_size", 16, "--seed", 5)
    assert (cli.network.rows, cli.network.columns) == (3, 6)
    assert (cli.datamodule.finish.patch_size, cli.datamodule.seed, cli.seed) == (16, 5, 5)


def test_the_seed_decides_the_first_weights(squares):
    first, again, other = (parse(squares, "--seed", seed).network.state_dict() for seed in (0, 0, 1))
    assert all(value.equal(again[name]) for name, value in first.items())
    assert not all(value.equal(other[name]) for name, value in first.items())


def test_the_rule_is_chosen_by_its_class(squares):
    assert parse(squares).rule == DefaultRule()
    chosen = parse(squares, "--scoring", "aed_lightning.scoring.rules.OfficialRule", "--scoring.error", "absolute")
    assert chosen.rule == OfficialRule(error="absolute")


def test_the_trainer_leaves_to_us_what_is_ours(squares, tmp_path: Path):
    cli = parse(squares, "--run_dir", tmp_path)
    trainer = cli.build_trainer("teacher", cli.build_evaluation(cli.paths, epoch=0), logger=False)
    assert trainer.checkpoint_callback is None
    assert trainer.num_sanity_val_steps == 0
    assert trainer.max_epochs == 1
    assert not trainer._accelerator_connector.use_distributed_sampler
    assert {"Evaluation", "StageCheckpoints", "EpochLines"} <= {type(one).__name__ for one in trainer.callbacks}


def test_a_trainer_option_of_the_configuration_wins_over_our_default(squares, tmp_path: Path):
    cli = parse(squares, "--run_dir", tmp_path, "--trainer.log_every_n_steps", 3, "--trainer.num_sanity_val_steps", 1)
    trainer = cli.build_trainer("teacher", cli.build_evaluation(cli.paths, epoch=0), logger=False)
    assert (trainer.log_every_n_steps, trainer.num_sanity_val_steps) == (3, 1)


def test_configured_loggers_stand_beside_the_csv_logs_and_serve_both_stages(squares, tmp_path: Path):
    cli = parse(
        squares, "--run_dir", tmp_path / "plaza", "--trainer.logger", "WandbLogger", "--trainer.logger.tags", "[a]"
    )
    stages = [cli.build_trainer(name, cli.build_evaluation(cli.paths, epoch=0)).loggers for name in STAGES]
    assert [[type(logger).__name__ for logger in loggers] for loggers in stages] == [["CSVLogger", "WandbRun"]] * 2
    assert stages[0][1] is stages[1][1]
    assert stages[0][1].save_dir == str(tmp_path / "plaza")
    assert not (tmp_path / "plaza").exists()


def test_no_logger_at_all_is_possible_and_verbs_without_one_keep_none(squares, tmp_path: Path):
    cli = parse(squares, "--run_dir", tmp_path, "--trainer.logger", "false")
    assert cli.build_trainer("teacher", cli.build_evaluation(cli.paths, epoch=0)).loggers == []
    cli = parse(squares, "--run_dir", tmp_path, "--trainer.logger", "WandbLogger")
    assert cli.build_trainer("teacher", cli.build_evaluation(cli.paths, epoch=0), logger=False).loggers == []


def test_the_logs_of_a_resumed_stage_do_not_overwrite_the_first(squares, tmp_path: Path):
    cli = parse(squares, "--run_dir", tmp_path)
    assert cli._log_version("teacher") == "teacher"
    (tmp_path / "logs/teacher").mkdir(parents=True)
    assert cli._log_version("teacher") == "teacher-2"
    assert cli._log_version("student") == "student"


def test_the_written_configuration_is_resolved_and_complete(squares, tmp_path: Path):
    (tmp_path / "more.yaml").write_text("run_dir: " + str(tmp_path) + "/${data.name}\n")
    cli = parse(squares, "--config", tmp_path / "more.yaml", "--data.name", "x")
    cli.write_run_files()
    written = yaml.safe_load((tmp_path / "x/config.yaml").read_text())
    assert written["run_dir"] == str(tmp_path / "x")
    assert written["data"]["clip_offset"] == 3
    assert written["student"]["betas"] == [0.9, 0.95]


def test_a_negative_seed_is_refused(squares):
    with pytest.raises(UsageError, match="--seed -2 is not between 0 and"):
        parse(squares, "--seed", -2)


def test_a_configuration_of_another_version_is_completed_or_left_as_it_is(squares):
    cli = parse(squares)
    now = cli.resolved_configuration()
    del now["model"]["token_head"]
    assert cli.completed(now) == cli.resolved_configuration()
    later = {**now, "model": {**now["model"], "of_a_later_version": 3}}
    assert cli.completed(later) == later


def test_loaders_that_would_begin_anew_are_refused(squares):
    with pytest.raises(UsageError, match=r"reload_dataloaders_every_n_epochs 2: not used here.*clips of the first"):
        parse(squares, "--trainer.reload_dataloaders_every_n_epochs", 2)


def test_steps_of_several_batches_are_refused(squares):
    with pytest.raises(UsageError, match=r"trainer.accumulate_grad_batches 4: not used here"):
        parse(squares, "--trainer.accumulate_grad_batches", 4)
