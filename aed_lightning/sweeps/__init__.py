"""Many runs from one file, without a server."""

from .definition import Sweep, read_sweep
from .points import Point, points_of
from .runner import finished, run_points
from .table import write_table

__all__ = ["Point", "Sweep", "finished", "points_of", "read_sweep", "run_points", "write_table"]
