"""`validate`: how well trained weights find anomalies pasted into held-out training videos."""

from collections.abc import Sequence

from ..core import UsageError
from ..data.module import DataModule
from .trained import Card, TrainedRun, evaluating


def run(arguments: Sequence[str]) -> int:
    """Validate and print the figures."""
    trained = TrainedRun(arguments, "validate", _refuse_trained_videos)
    with evaluating(trained):
        (figures,) = trained.trainer.validate(trained.stage, trained.cli.datamodule, verbose=False)
    for name, value in sorted(figures.items()):
        trained.cli.console.print(f"{name} {value:.4f}")
    return 0


def _refuse_trained_videos(data: DataModule, card: Card) -> None:
    """Only videos that were held out when the weights were trained can validate them."""
    held_out = [row.name for row in data.training_rows()[1]]
    trained = sorted(set(held_out) - set(card.get("held_out", held_out)))
    if trained or not held_out:
        what = f"the weights were trained on {', '.join(trained)}" if trained else "no video is held out"
        raise UsageError(f"--data.holdout {data.holdout}: {what}; give the value of the training")
