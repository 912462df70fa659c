"""Real files of the benchmarks, beside the checkout or where AED_SHARED_DATA says; their tests skip without them."""

import os
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("AED_SHARED_DATA", Path(__file__).parents[2] / "shared/data")).resolve()


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where the real files of data set `name` are not at hand."""
    return pytest.mark.skipif(not (REAL_DATA / name).is_dir(), reason=f"the real {name} is not at hand")
