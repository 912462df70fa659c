"""Many runs from one file, without a server."""

from .definition import Sweep, read_sweep
from .points import Point, points_of
from .runner import finished, run_points
from .slurm import refuse_without_slurm, submission, submit
from .table import write_table

__all__ = [
    "Point",
    "Sweep",
    "finished",
    "points_of",
    "read_sweep",
    "refuse_without_slurm",
    "run_points",
    "submission",
    "submit",
    "write_table",
]
