"""Trained weights under another score: levels of normal video and thresholds, measured anew.

python experiments/measure_anew.py --config CONFIG --weights WEIGHTS --run_dir OUT [--scoring.masks=4 ...]

The parameters stay as they are; OUT is then what `test`, `score` and ship_weights.py take. Reads training videos only.
"""

import aed_lightning  # noqa: F401, I001  first, so that the torchvision guard is in place before lightning

import sys

import lightning.pytorch as L

from aed_lightning.callbacks import MeasureNormalLevels
from aed_lightning.cli import fit, validate
from aed_lightning.cli.trained import Card, TrainedRun, evaluating
from aed_lightning.core import UsageError
from aed_lightning.data.module import DataModule
from aed_lightning.model.weights import save_weights


class MeasureAnew(MeasureNormalLevels):
    """Before every validation, not only those of a training."""

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._measure(trainer, pl_module)


def check(data: DataModule, card: Card) -> None:
    validate._refuse_trained_videos(data, card)
    if "channels" not in card:
        raise UsageError("a checkpoint does not say how it was trained: give --weights a run directory, or a name")


def main() -> None:
    trained = TrainedRun(sys.argv[1:], "measure_anew", check)
    cli, trainer, stage = trained.cli, trained.trainer, trained.stage
    trainer.callbacks.append(MeasureAnew(cli.datamodule))  # type: ignore[attr-defined]
    with evaluating(trained):
        found = fit._calibrate(cli, trainer, stage, trained.evaluation)
    calibration = {name: levels.to_json() for name, levels in found.items()}
    card = {**trained.card, **cli.scored_by(), "seed": cli.seed, "calibration": calibration}
    save_weights(cli.paths, cli.network, card)
    print(cli.paths.weights)


if __name__ == "__main__":
    main()
