"""`report`: a run as one HTML page, or runs side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def run(arguments: Sequence[str]) -> int:
    """Write the page, or the comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m aed_lightning report",
        usage="python -m aed_lightning report RUN [--out FILE]\n"
        "       python -m aed_lightning report --compare RUN RUN ... [--out DIR]",
        description="Write one HTML page with everything a run directory holds: figures of both protocols, learning "
        "curves, scores of every video, ROC, the worst mistakes, configuration. It needs no other file and no network.",
    )
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN", help="run directory of fit, test or predict")
    parser.add_argument("--compare", type=Path, nargs="+", metavar="RUN", help="two run directories or more")
    parser.add_argument(
        "--out",
        type=Path,
        help="the page (default: RUN/report.html); with --compare the folder of comparison.html, .md and .csv "
        "(default: runs/comparison)",
    )
    options = parser.parse_args(arguments)
    from ..core import RunPaths, UsageError

    if (options.run is None) == (options.compare is None):
        raise UsageError("report: give one run directory, or --compare and several")
    if options.compare is not None:
        from ..report.comparison import write_comparison

        folder = options.out or Path("runs/comparison")
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {folder} is a file; name a folder")
        for file in write_comparison(options.compare, folder):
            print(f"comparison: {file}")
        return 0
    from ..report.page import write_report

    file = options.out or RunPaths(options.run).report
    if file.is_dir():
        raise UsageError(f"--out {file} is a folder; name a file")
    write_report(options.run, file)
    print(f"report: {file}")
    return 0
