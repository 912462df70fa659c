"""What the tests of this folder ask of a SLURM, and the data set that they train on."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLURM = Path(__file__).with_name("slurm.sh")
CPUS_ONLY = ("--gpus-per-node=0",)
DEADLINE_SECONDS = 600

CONFIG = """\
data:
  name: toy
  root: {folder}/toy
  store: {folder}/store
  frame_size: [32, 56]
  augmentation_percentage: 50
  holdout: 2
model:
  patch_size: 8
  encoder_dim: 32
  encoder_depth: 1
  decoder_dim: 16
  teacher_depth: 2
  heads: 2
teacher:
  epochs: 2
  batch_size: 1
  learning_rate: 1.0e-3
  schedule: cosine
student:
  epochs: 2
  batch_size: 1
  learning_rate: 1.0e-3
smoothing:
  sigma: 1.0
trainer:
  accelerator: auto
  precision: 32-true
"""
VIDEOS, FRAMES = 8, 90
TRAINED_FRAMES = (VIDEOS - 2) * FRAMES


@dataclass(frozen=True)
class Cluster:
    """A running SLURM and a folder of the test's own."""

    folder: Path
    environment: dict[str, str]

    def call(self, *words: object) -> str:
        """What a command prints; fails with what it says."""
        done = subprocess.run(
            [str(word) for word in words], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def verb(self, *words: object) -> str:
        return self.call(sys.executable, "-m", "aed_lightning", *words)

    def submit(self, log: str, *words: object) -> str:
        """Submit a job on nodes without GPUs; its number."""
        output = f"--output={self.folder / log}"
        return self.call("sbatch", "--parsable", output, *CPUS_ONLY, *words).strip()

    def state(self, job: str) -> dict[str, str]:
        """What SLURM knows of a job."""
        return dict(re.findall(r"(\w+)=(\S*)", self.call("scontrol", "-o", "show", "job", job)))

    def completed(self, job: str) -> dict[str, str]:
        """The job when it has completed; fails where it has failed."""
        until(lambda: self.state(job)["JobState"] not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING"), job)
        found = self.state(job)
        assert found["JobState"] == "COMPLETED", found
        return found

    def log(self, name: str) -> str:
        file = self.folder / name
        return file.read_text() if file.exists() else ""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s for {what}"
        time.sleep(0.1)
