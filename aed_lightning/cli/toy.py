"""`toy`: write the generated benchmark."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def run(arguments: Sequence[str]) -> int:
    """Generate; what is there already is left alone."""
    parser = argparse.ArgumentParser(
        prog="python -m aed_lightning toy",
        description="Draw the plaza benchmark: training videos of people walking, test videos with anomalies, frame "
        "labels, masks and tracks. A complete folder is left as it is, a broken-off one is continued.",
    )
    parser.add_argument("--out", type=Path, default=Path("data/toy"), help="folder to write (default: %(default)s)")
    parser.add_argument("--height", type=int, default=180, help="of the videos, pixels (default: %(default)s)")
    parser.add_argument("--width", type=int, default=320, help="of the videos, pixels (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="0 is the benchmark, others are other videos")
    parser.add_argument("--processes", type=int, default=2, help="videos drawn at once (default: %(default)s)")
    options = parser.parse_args(arguments)
    from ..toy import write_toy

    write_toy(
        options.out,
        size=(options.height, options.width),
        seed=options.seed,
        processes=options.processes,
        progress=lambda done, total: print(f"toy: {done} of {total} videos", flush=True),
    )
    return 0
