"""What `validate`, `test` and `predict` share: trained weights, in a run directory of their own."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.cli import LightningArgumentParser

from ..callbacks import Evaluation
from ..core import RunPaths, UsageError
from ..data.lock import LOCK_FILE, locked
from ..data.module import DataModule
from ..data.prepare import PREPARE_WAIT_SECONDS
from ..data.progress import default_progress
from ..model.weights import load_weights, refuse_other_architecture
from ..scoring.calibration import Calibration
from ..stages.stage import Stage
from .processes import ending_together, is_first
from .signals import ended_by_signals
from .training import AedCLI

Card = dict[str, Any]


class TrainedRun:
    """Network, trainer and evaluation for weights that exist.

    Weights come from `--weights`, and the output goes to `--run_dir` or `runs/NAME-VERB`. Without `--weights` they are
    those of the run directory, and the output goes beside it, to `RUN-VERB`. An output directory is refused that has
    more in it than an evaluation leaves which was interrupted before it wrote scores.
    check: sees the data and the card of the weights before anything is written, and raises what is wrong with them.
    """

    def __init__(self, arguments: Sequence[str], verb: str, check: Callable[[DataModule, Card], object]) -> None:
        self.cli = AedCLI(arguments, verb, _add_options)
        cli = self.cli
        weights: Path = cli.config.weights or cli.paths.root
        network, card = load_weights(weights)
        self.card: Card = card
        refuse_other_architecture(cli.network, card, weights)
        cli.network.load_state_dict(network.state_dict())
        if cli.config.weights is None or cli.config.run_dir is None:
            cli.paths = RunPaths(cli.paths.root.with_name(f"{cli.paths.root.name}-{verb}"))
        wait = math.inf if cli.processes > 1 else PREPARE_WAIT_SECONDS
        if is_first():  # the others may come when it has written already
            _refuse_used(cli.paths)
        self.evaluation: Evaluation = cli.build_evaluation(cli.paths, epoch=card["epoch"])
        # Levels mean something under the rule and the smoothing with which they were found, and no other.
        if _scored_by(cli, card) == cli.scored_by():
            self.evaluation.calibrations = {
                name: Calibration.from_json(levels) for name, levels in card.get("calibration", {}).items()
            }
        stage = card["stage"]
        cli.datamodule.batch_size = cli.config_init[stage].batch_size
        cli.datamodule.prepare_data(default_progress(), wait_seconds=wait)
        check(cli.datamodule, card)
        self.trainer: L.Trainer = cli.build_trainer(stage, self.evaluation, logger=False)
        self.stage: Stage = cli.build_stage(stage)


@contextmanager
def evaluating(trained: TrainedRun) -> Iterator[None]:
    """The block in which the trainer works: all its processes end together, and SIGTERM ends them as Ctrl-C does. The
    output directory belongs to this evaluation for as long.
    """
    cli = trained.cli
    with (
        ending_together(lambda: cli.trainers),
        ended_by_signals("nothing is kept; start it again"),
        ExitStack() as stack,
    ):
        if is_first():
            stack.enter_context(locked(cli.paths.root, 0.0, print, being="written"))
            _refuse_used(cli.paths)  # another may have written it since
            cli.write_run_files()
        yield


def _scored_by(cli: AedCLI, card: Card) -> Card:
    """What the card says of the score, with the defaults of what a rule of its version could not choose."""
    fields = dataclasses.fields(cli.rule)
    defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
    return {"rule": {**defaults, **card.get("rule", {})}, "smoothing": card.get("smoothing")}


def _add_options(parser: LightningArgumentParser) -> None:
    parser.add_argument(
        "--weights",
        type=Path | None,
        default=None,
        help="run directory, checkpoint file, or name of weights that come with the package "
        "(default: the run directory of the configuration)",
    )


def _refuse_used(paths: RunPaths) -> None:
    begun = {paths.config, paths.environment, paths.root / LOCK_FILE}
    if paths.root.is_dir() and set(paths.root.iterdir()) - begun:
        raise UsageError(f"--run_dir {paths.root} is not empty; give another one")
