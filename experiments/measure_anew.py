"""Trained weights under another score: levels of normal video and thresholds, measured anew.

python experiments/measure_anew.py --config CONFIG --weights WEIGHTS --run_dir OUT [--scoring.masks=4 ...]

The parameters stay as they are; OUT is then what `test`, `score` and ship_weights.py take. Reads training videos only.
"""

import sys

import lightning.pytorch as L

from aed_lightning.callbacks import MeasureNormalLevels
from aed_lightning.cli import fit
from aed_lightning.cli.trained import TrainedRun, evaluating
from aed_lightning.model.weights import save_weights


class MeasureAnew(MeasureNormalLevels):
    """Before every validation, not only those of a training."""

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._measure(trainer, pl_module)


def main() -> None:
    trained = TrainedRun(sys.argv[1:], "measure_anew", lambda data, card: data.training_rows())
    cli, trainer, stage = trained.cli, trained.trainer, trained.stage
    trainer.callbacks.append(MeasureAnew(cli.datamodule))  # type: ignore[attr-defined]
    with evaluating(trained):
        found = fit._calibrate(cli, trainer, stage, trained.evaluation)
    calibration = {name: levels.to_json() for name, levels in found.items()}
    save_weights(cli.paths, cli.network, {**trained.card, **cli.scored_by(), "calibration": calibration})
    print(cli.paths.weights)


if __name__ == "__main__":
    main()
