"""`demo`: everything once, on the generated benchmark."""

from collections.abc import Sequence
from pathlib import Path

from .help_text import wants_help

CONFIG = "configs/toy.yaml"
HELP = f"""\
usage: python -m aed_lightning demo [options]

Write the generated benchmark to data/toy, train teacher and student on it with {CONFIG}, evaluate, and print the
summary; about a quarter of an hour on two CPU cores. The run is runs/demo; a broken-off demo goes on where it was.
Options are those of `fit`, for example --seed 1 or --run_dir runs/demo-2."""


def run(arguments: Sequence[str]) -> int:
    """Generate, train, evaluate, show."""
    if wants_help(arguments):
        print(HELP)
        return 0
    from ..core import UsageError
    from . import fit, toy

    if not Path(CONFIG).is_file():
        raise UsageError(f"{CONFIG} is not here: start the demo in a checkout of the project")
    toy.run([])
    return fit.run(["--config", CONFIG, "--run_dir", "runs/demo", "--resume", "auto", *arguments])
