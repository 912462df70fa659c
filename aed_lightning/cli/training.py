"""The one configuration schema, parsed by LightningCLI for every verb that reads data or a model."""

import dataclasses
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
import yaml
from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from ..callbacks import Evaluation, MeasureNormalLevels, OwnSignals, StageCheckpoints, WandbResults, WandbRun
from ..callbacks.progress import EpochLines
from ..core import DataError, RunPaths, UsageError, write_json, write_text
from ..core.environment import environment, has_bfloat16, processor_name
from ..core.stops import Stops
from ..data.module import DataModule
from ..model import AutoEncoder
from ..scoring.rules import DefaultRule, Rule
from ..scoring.smoothing import Smoothing
from ..stages import StageOptions, StudentStage, TeacherOptions, TeacherStage
from ..stages.stage import Stage
from .processes import is_first, planned_processes, strategy_of

# Its tips and start-up lines; warnings stay.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\)")
# A machine that has SLURM is no reason not to train beside it.
warnings.filterwarnings("ignore", message="The `srun` command is available")

SCHEMA = ("data", "model", "teacher", "student", "scoring", "smoothing", "trainer", "run_dir", "seed")
STAGES: dict[str, type[Stage]] = {"teacher": TeacherStage, "student": StudentStage}
AddOptions = Callable[[LightningArgumentParser], Any]


class AedCLI(LightningCLI):
    """Parses a configuration and builds network, data and trainers from it; runs nothing by itself."""

    def __init__(self, arguments: Sequence[str], verb: str, add_options: AddOptions | None = None) -> None:
        self._add_options = add_options
        self.console = Console(soft_wrap=True)
        self.trainers: list[L.Trainer] = []
        self.stops = Stops()
        super().__init__(
            model_class=TeacherStage,
            datamodule_class=DataModule,
            save_config_callback=None,
            trainer_defaults={
                "enable_checkpointing": False,  # ours is callbacks/checkpoints.py
                "enable_model_summary": False,
                "enable_progress_bar": sys.stdout.isatty(),
                "log_every_n_steps": 10,
                "num_sanity_val_steps": 0,
                "use_distributed_sampler": False,  # ours is data/sampling.py
            },
            seed_everything_default=False,
            parser_kwargs={
                "parser_mode": "omegaconf+",
                "allow_abbrev": False,
                "prog": f"python -m aed_lightning {verb}",
            },
            args=list(arguments),
            run=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    # the schema

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=0, help="of everything random; not negative")
        parser.add_argument("--run_dir", type=Path | None, default=None, help="folder of the run (default: runs/NAME)")

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_class_arguments(DataModule, "data", skip={"batch_size"})  # each stage has its own
        parser.add_class_arguments(AutoEncoder, "model")
        parser.add_class_arguments(TeacherOptions, "teacher")
        parser.add_class_arguments(StageOptions, "student")
        parser.add_subclass_arguments(
            Rule, "scoring", default={"class_path": f"{Rule.__module__}.{DefaultRule.__name__}"}
        )
        parser.add_class_arguments(Smoothing, "smoothing")
        parser.add_lightning_class_args(L.Trainer, "trainer")
        parser.set_defaults({f"trainer.{key}": value for key, value in self.trainer_defaults.items()})
        parser.link_arguments("data.frame_size", "model.frame_size")
        parser.link_arguments("model.patch_size", "data.patch_size")
        parser.link_arguments("seed", "data.seed")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        if self._add_options:
            self._add_options(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        try:
            self.config = parser.parse_args(args)
        except OmegaConfBaseException as error:
            raise UsageError(f"configuration: {str(error).splitlines()[0]}") from error
        trainer = self.config.trainer
        if not 0 <= self.config.seed < 2**32:
            raise UsageError(f"--seed {self.config.seed} is not between 0 and {2**32 - 1}")
        if trainer.max_epochs is not None or trainer.fast_dev_run:
            raise UsageError(
                "trainer.max_epochs, trainer.fast_dev_run: not used here; give teacher.epochs and student.epochs, "
                "or add --config configs/overrides/debug.yaml"
            )
        if trainer.accumulate_grad_batches != 1:
            raise UsageError(
                f"trainer.accumulate_grad_batches {trainer.accumulate_grad_batches}: not used here, as a training that "
                "is stopped between two steps could not go on as it was; give a larger batch_size, or more processes"
            )
        if every := trainer.reload_dataloaders_every_n_epochs:
            raise UsageError(
                f"trainer.reload_dataloaders_every_n_epochs {every}: not used here, as every epoch would show the "
                "clips of the first; leave it out"
            )
        limits = (trainer.limit_val_batches, trainer.limit_test_batches, trainer.limit_predict_batches)
        # Whether a 1 arrives as one batch or as 1.0, all of them, depends on what was imported before.
        if any(limit is not None for limit in limits):
            raise UsageError(
                "trainer.limit_val_batches, trainer.limit_test_batches, trainer.limit_predict_batches: figures and "
                "scores need whole videos; leave them out"
            )
        if trainer.overfit_batches:
            raise UsageError(
                f"trainer.overfit_batches {trainer.overfit_batches}: not used here, as validation needs whole videos; "
                "give trainer.limit_train_batches"
            )

    def _set_seed(self) -> None:
        L.seed_everything(self.config.seed, verbose=False)

    def instantiate_classes(self) -> None:
        try:
            init = self.config_init = self.parser.instantiate(self.config)
        except ValueError as error:
            raise _refusal_in(error) from None
        self.network: AutoEncoder = init.model
        self.datamodule: DataModule = init.data
        self.rule: Rule = init.scoring
        hidden = self.network.mask_ratio if self.rule.mask_ratio is None else self.rule.mask_ratio
        if self.rule.masks > 1 and not hidden:
            raise UsageError(f"scoring.masks {self.rule.masks}: nothing is hidden, so they are all the same; give 1")
        self.smoothing: Smoothing = init.smoothing
        self.seed: int = init.seed
        self.paths = RunPaths(init.run_dir or Path("runs") / init.data.name)

    # what the verbs build from it

    @cached_property
    def processes(self) -> int:
        """How many work together, from the settings of the trainer. Raises UsageError where they cannot be."""
        count = planned_processes(self.config_init.trainer)
        if count > 1 and self.rule.reach:
            raise UsageError(
                f"scoring rule {self.rule.name!r} filters over time: evaluate it on one process; train with another "
                "rule, then give `test` this one and --trainer.devices 1"
            )
        self.console.quiet = not is_first()
        return count

    def build_stage(self, name: str, total_steps: int | None = None) -> Stage:
        """The LightningModule of a stage around the shared network; schedules need `total_steps` to train."""
        return STAGES[name](self.network, self.rule, self.config_init[name], seed=self.seed, total_steps=total_steps)

    def build_trainer(self, stage: str, evaluation: Evaluation, **overrides: Any) -> L.Trainer:
        """A trainer for one stage, logging below the run directory, and with the configured loggers beside that."""
        callbacks = [
            MeasureNormalLevels(self.datamodule),
            evaluation,
            OwnSignals(),
            StageCheckpoints(self.paths, self.stops),
            EpochLines(self.console),
            WandbResults(self.paths),
            *deepcopy(_as_list(self.config_init.trainer.callbacks)),  # each stage has its own
        ]
        settings: dict[str, Any] = {
            "max_epochs": self.config_init[stage].epochs,
            "default_root_dir": self.paths.root,
            "precision": self._precision(),
            "strategy": strategy_of(self.config_init.trainer, self.processes),
            **overrides,
            "callbacks": callbacks,
        }
        if self.config.trainer.logger is not False:
            csv = CSVLogger(self.paths.root, name="logs", version=self._log_version(stage))
            settings.setdefault("logger", [csv, *self.loggers])
        try:
            trainer = self.instantiate_trainer(**settings)
        except MisconfigurationException as error:
            raise UsageError(f"trainer: {error}") from error
        self.trainers.append(trainer)
        return trainer

    @cached_property
    def loggers(self) -> list[Logger]:
        """Those of the configuration, the same for both stages; Lightning's WandbLogger becomes a `WandbRun`."""
        given, made = (_as_list(one.trainer.logger) for one in (self.config, self.config_init))
        return [
            self._wandb_run(arguments) if type(logger) is WandbLogger else logger
            for arguments, logger in zip(given, made, strict=True)
            if isinstance(logger, Logger)
        ]

    def _wandb_run(self, given: Any) -> WandbRun:
        arguments = {**vars(given.init_args), **given.get("dict_kwargs", {})}
        if arguments["save_dir"] == ".":  # WandbLogger's default; a run leaves nothing in the current directory
            arguments["save_dir"] = arguments["dir"]
        said = {key: value for key, value in arguments.items() if value is not None and key != "dir"}
        return WandbRun(self.paths, self.resolved_configuration(), **said)

    @contextmanager
    def wandb_runs(self) -> Iterator[list[WandbRun]]:
        """The runs of Weights & Biases among the loggers; they end with the block, completed or failed."""
        runs = [logger for logger in self.loggers if isinstance(logger, WandbRun)]
        completed = False
        try:
            yield runs
            completed = True
        finally:
            for run in runs:
                run.finish(completed)

    def build_evaluation(self, paths: RunPaths, epoch: int) -> Evaluation:
        """The evaluation callback, with what metrics.json must say of this run."""
        machine = {key: self._environment()[key] for key in ("command", "commit", "device", "threads")}
        record = {"dataset": self.datamodule.name, "epoch": epoch, "seed": self.seed, **machine}
        return Evaluation(self.smoothing, paths, record, self.datamodule.test_annotations)

    def resolved_configuration(self) -> dict[str, Any]:
        """Every key of the schema with its value; the options of the verb are no part of it."""
        return self._resolved(self.config)

    def _resolved(self, configuration: Any) -> dict[str, Any]:
        resolved = yaml.safe_load(self.parser.dump(configuration, skip_unset=False, skip_link_targets=True))
        return {key: value for key, value in resolved.items() if key in SCHEMA}

    def completed(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """A resolved configuration of an earlier version with the defaults of the keys that it did not have; as it is
        where this version does not know it."""
        self.parser.exit_on_error = False
        try:
            return self._resolved(self.parser.parse_object(configuration))
        except ArgumentError:
            return configuration
        finally:
            self.parser.exit_on_error = True

    def write_run_files(self) -> None:
        """The resolved configuration and the environment, into the run directory; the first process does it."""
        if not is_first():
            return
        write_text(self.paths.config, yaml.safe_dump(self.resolved_configuration(), sort_keys=False))
        write_json(self.paths.environment, self._environment())

    def card(self, stage: str) -> dict[str, Any]:
        """What model.json says of the weights after `stage`."""
        return {
            "stage": stage,
            "epoch": self.config_init[stage].epochs - 1,
            "dataset": self.datamodule.name,
            "seed": self.seed,
            "normalization": {"center": 127.5, "scale": 127.5},
            "clip_offset": self.datamodule.clip_offset,
            "channels": self.datamodule.store.channels,
            "precision": self._precision(),
            "held_out": [row.name for row in self.datamodule.training_rows()[1]],
            **self.scored_by(),
        }

    def scored_by(self) -> dict[str, Any]:
        """Rule and smoothing, as model.json has them."""
        return {
            "rule": {"name": self.rule.name, **dataclasses.asdict(self.rule)},
            "smoothing": dataclasses.asdict(self.smoothing),
        }

    def _environment(self) -> dict[str, Any]:
        on_gpu = torch.cuda.is_available() and self.config.trainer.accelerator != "cpu"
        device = torch.cuda.get_device_name() if on_gpu else f"cpu ({processor_name()})"
        return environment(self.seed, device, torch.get_num_threads())

    def _precision(self) -> Any:
        """As configured; but bfloat16 that processor or GPU must emulate is slower than float32 by far."""
        precision = self.config.trainer.precision
        on_cpu = self.config.trainer.accelerator == "cpu" or not torch.cuda.is_available()
        if precision == "bf16-mixed" and not has_bfloat16("cpu" if on_cpu else "cuda"):
            self.console.print(f"this {'processor' if on_cpu else 'GPU'} has no bfloat16: computing in 32-true")
            return "32-true"
        return precision

    def _log_version(self, stage: str) -> str:
        taken = len(list((self.paths.root / "logs").glob(f"{stage}*")))
        return f"{stage}-{taken + 1}" if taken else stage


def _as_list(configured: Any) -> list[Any]:
    """What the configuration names as none, one or several; `true` and `false` name nothing."""
    if configured is None or isinstance(configured, bool):
        return []
    return list(configured) if isinstance(configured, list) else [configured]


def _refusal_in(error: ValueError) -> Exception:
    """What one of our classes refused, out of the errors that jsonargparse wraps it in; else the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UsageError | DataError):
            return cause
        cause = cause.__cause__
    return error
