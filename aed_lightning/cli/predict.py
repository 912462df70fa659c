"""`predict`: frame scores of the test videos, whether they have labels or not."""

from collections.abc import Sequence

from .trained import TrainedRun, evaluating


def run(arguments: Sequence[str]) -> int:
    """Write `scores/VIDEO.npz` for every test video."""
    trained = TrainedRun(arguments, "predict", lambda data, card: data.test_rows(labeled=False))
    with evaluating(trained):
        trained.trainer.predict(trained.stage, trained.cli.datamodule, return_predictions=False)
    trained.cli.console.print(f"scores written to {trained.cli.paths.scores}")
    return 0
