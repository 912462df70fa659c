"""`test`: evaluate trained weights on the test videos."""

from collections.abc import Sequence

from .summary import print_summary
from .trained import TrainedRun, evaluating


def run(arguments: Sequence[str]) -> int:
    """Evaluate; writes scores and metrics.json and prints the summary."""
    trained = TrainedRun(arguments, "test", lambda data, card: data.test_rows())
    with evaluating(trained):
        trained.trainer.test(trained.stage, trained.cli.datamodule, verbose=False)
    print_summary(trained.cli.console, trained.evaluation.figures, trained.cli.paths.root)
    return 0
