"""`validate`: how well trained weights find anomalies pasted into held-out training videos."""

from collections.abc import Sequence

from .trained import TrainedRun


def run(arguments: Sequence[str]) -> int:
    """Validate and print the figures."""
    trained = TrainedRun(arguments, "validate")
    (figures,) = trained.trainer.validate(trained.stage, trained.cli.datamodule, verbose=False)
    for name, value in sorted(figures.items()):
        trained.cli.console.print(f"{name} {value:.4f}")
    return 0
