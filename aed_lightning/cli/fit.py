"""`fit`: the teacher's stage, the student's stage, and the evaluation."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import lightning.pytorch as L
from lightning.pytorch.cli import LightningArgumentParser

from ..callbacks import Evaluation
from ..data.lock import LOCK_FILE, locked
from ..data.prepare import PREPARE_WAIT_SECONDS
from ..data.progress import default_progress
from ..model.weights import save_weights
from ..scoring.calibration import Calibration
from ..scoring.temporal import smooth, smooth_causal
from ..stages.stage import Stage
from .processes import ending_together, is_first
from .resume import checkpoints_to_resume, distilled_from, load_teacher, refuse_changed_configuration
from .signals import ended_by_signals
from .start import start_of_teacher
from .summary import print_summary
from .training import STAGES, AedCLI


def run(arguments: Sequence[str]) -> int:
    """Train and evaluate; returns the exit code. Whatever is wrong is said before the training starts."""
    cli = parse(arguments)
    advice = f"go on with --resume auto: what is in {cli.paths.root} is whole"
    with ending_together(lambda: cli.trainers), ended_by_signals(advice, cli.stops):
        wait = math.inf if cli.processes > 1 else PREPARE_WAIT_SECONDS
        with _held(cli.paths.root):
            return _fit(cli, wait)


def _fit(cli: AedCLI, wait_seconds: float) -> int:
    options = cli.config
    names = list(STAGES) if options.stages == "all" else [options.stages]
    resumed = checkpoints_to_resume(cli, names, options.resume)
    if options.stages == "student":
        if options.resume != "force":
            refuse_changed_configuration(cli)
        load_teacher(cli)
    start = start_of_teacher(cli, begins="teacher" in names and "teacher" not in resumed)
    # Of several processes the first one here does it, and the others wait.
    cli.datamodule.prepare_data(default_progress(), wait_seconds=wait_seconds)
    held_out = [row.name for row in cli.datamodule.training_rows()[1]]
    if start is not None:
        start.begin(cli, held_out)
    if options.evaluate:
        cli.datamodule.test_rows()
    cli.datamodule.cut_objects(default_progress())
    cli.write_run_files()
    with cli.wandb_runs() as wandb_runs:
        for name in names:
            for run in wandb_runs:
                run.first_step = _steps(cli, "teacher") if name == "student" else 0
            trainer, stage, evaluation = _train(cli, name, resumed.get(name))
        evaluation.calibrations = _calibrate(cli, trainer, stage, evaluation)
        calibration = {name: levels.to_json() for name, levels in evaluation.calibrations.items()}
        if is_first():
            save_weights(cli.paths, cli.network, {**cli.card(names[-1]), "calibration": calibration})
        if options.evaluate:
            trainer.test(stage, cli.datamodule, verbose=False)
            print_summary(cli.console, evaluation.figures, cli.paths.root)
    return 0


def parse(arguments: Sequence[str]) -> AedCLI:
    """What the arguments of `fit` say. Raises UsageError, or SystemExit after a message."""
    return AedCLI(arguments, "fit", _add_options)


def _add_options(parser: LightningArgumentParser) -> None:
    parser.add_argument("--stages", type=Literal["teacher", "student", "all"], default="all", help="what to train")
    parser.add_argument(
        "--resume",
        type=Literal["never", "auto", "force"],
        default="never",
        help="auto: go on from the checkpoints in the run directory, or start anew where there are none; "
        "force: go on although the configuration has changed",
    )
    parser.add_argument("--evaluate", type=bool, default=True, help="evaluate on the test videos at the end")


@contextmanager
def _held(run_dir: Path) -> Iterator[None]:
    """The lock of the run directory, from before its checkpoints are looked at; one process holds it for all of a
    training. A folder that nothing came into goes again.
    """
    if not is_first():
        yield
        return
    new = [folder for folder in (run_dir, *run_dir.parents) if not folder.exists()]
    try:
        with locked(run_dir, 0.0, print, being="trained"):
            yield
    finally:
        if new and run_dir.is_dir() and list(run_dir.iterdir()) == [run_dir / LOCK_FILE]:
            with suppress(OSError):  # somebody else needs a folder above it by now
                (run_dir / LOCK_FILE).unlink()
                for folder in new:
                    folder.rmdir()


def _train(cli: AedCLI, name: str, checkpoint: Path | None) -> tuple[L.Trainer, Stage, Evaluation]:
    """Train one stage, or go on with it; a finished one passes through untouched."""
    evaluation = cli.build_evaluation(cli.paths, epoch=cli.config_init[name].epochs - 1)
    trainer = cli.build_trainer(name, evaluation)
    stage = cli.build_stage(name, total_steps=_steps(cli, name))
    if name == "student" and checkpoint is not None and not distilled_from(cli.network, checkpoint):
        cli.console.print("the teacher has changed since the student was trained: the student starts anew")
        checkpoint = None
    trainer.fit(stage, cli.datamodule, ckpt_path=checkpoint, weights_only=True)
    return trainer, stage, evaluation


def _steps(cli: AedCLI, name: str) -> int:
    """The steps of a whole stage; its batch size becomes that of the data."""
    cli.datamodule.batch_size = cli.config_init[name].batch_size
    limit = cli.config.trainer.limit_train_batches
    return int(cli.config_init[name].epochs * cli.datamodule.train_batches(cli.processes, limit))


def _calibrate(cli: AedCLI, trainer: L.Trainer, stage: Stage, evaluation: Evaluation) -> dict[str, Calibration]:
    """Levels of score and map on held-out normal video: thresholds of alarms and boxes; none without such video."""
    held_out = cli.datamodule.training_rows()[1]
    if not held_out:
        return {}
    trainer.validate(stage, cli.datamodule, verbose=False)
    rates = {row.name: row.fps for row in held_out}
    normal, peaks = (
        [video for video in videos if video.video in rates] for videos in (evaluation.validated, evaluation.map_peaks)
    )
    fps = [rates[video.video] for video in normal]
    calibrations = {
        name: Calibration.of([function(video.raw, video.frame_index, cli.smoothing.sigma) for video in normal], fps)
        for name, function in (("centered", smooth), ("causal", smooth_causal))
    }
    return {**calibrations, "map": Calibration.of([video.raw for video in peaks], fps)}
