from pathlib import Path

import pytest

from aed_lightning.toy import write_toy

SMALL = (90, 160)


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy") / "set"
    write_toy(root, size=SMALL, seed=3, processes=1, train_videos=1, test_videos=4, frames=24)
    return root
