"""A SLURM of two nodes for the tests of this folder, and a data set prepared on it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cluster import CONFIG, FRAMES, ROOT, SLURM, VIDEOS, Cluster

from aed_lightning.toy import write_toy


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.getuid() != 0 or shutil.which("slurmctld") is None:
        pytest.skip("make test-cluster installs and starts SLURM, as root")
    folder = tmp_path_factory.mktemp("cluster")
    environment = {
        **os.environ,
        "SLURM_CONF": str(folder / "slurm" / "slurm.conf"),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "MASTER_ADDR": "127.0.0.1",  # the nodes' names are no addresses
        "SBATCH_GPUS_PER_NODE": "0",  # for what is not submitted by `Cluster.submit`
        "OMP_WAIT_POLICY": "passive",  # two jobs share the cores
    }
    try:
        started = subprocess.run([SLURM, "start", folder / "slurm"], check=False)
        assert started.returncode == 0
        yield Cluster(folder, environment)
    finally:
        subprocess.run([SLURM, "stop", folder / "slurm"], check=False)


@pytest.fixture(scope="session")
def config(cluster: Cluster) -> Path:
    """The configuration of a data set that an array of two has prepared."""
    write_toy(cluster.folder / "toy", size=(64, 112), processes=2, train_videos=VIDEOS, test_videos=2, frames=FRAMES)
    file = cluster.folder / "toy.yaml"
    file.write_text(CONFIG.format(folder=cluster.folder))
    script = "experiments/cluster/archive_array.sh"
    job = cluster.submit("prepare-%a.txt", "--array=1-2", script, 2, "prepare", "--config", file)
    for element in (1, 2):
        cluster.completed(f"{job}_{element}")
    cluster.verb("prepare", "--config", file, "--merge")
    return file


@pytest.fixture(scope="session")
def alone(cluster: Cluster, config: Path) -> Path:
    """A run of one process with seed 1 that nothing disturbed."""
    run_dir = cluster.folder / "alone"
    arguments = ("--config", config, "--seed", 1, "--run_dir", run_dir)
    cluster.completed(cluster.submit("alone.txt", "experiments/cluster/one_gpu.sh", *arguments))
    return run_dir
