"""Keeps a checkpoint of this release, for the tests of all that come after it.

    PYTHONPATH=tests python tests/vectors/checkpoints/keep.py

Writes `VERSION/` beside this file: the configuration, a teacher that was stopped in the middle of its second epoch, and
the weights of a run that ended.
"""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import squares
import torch

import aed_lightning
from aed_lightning.__main__ import main
from aed_lightning.stages import TeacherStage

SMALLEST = (
    *("--model.encoder_dim", "4", "--model.decoder_dim", "4", "--model.heads", "1", "--model.teacher_depth", "1"),
    *("--model.branch_after", "0", "--model.encoder_depth", "1", "--teacher.epochs", "2", "--evaluate", "false"),
)
STOP_IN_STEP = 14


def keep(folder: Path) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = squares.write_squares(Path(name) / "download")
        config = squares.write_config(Path(name) / "squares.yaml", root, Path(name) / "store")
        fit = ["fit", "--config", str(config), *SMALLEST, "--run_dir", f"{name}/run"]
        step, steps = TeacherStage.training_step, iter(range(1, 100))

        def stopped(stage, batch, index):
            if next(steps) == STOP_IN_STEP:
                os.kill(os.getpid(), signal.SIGTERM)
            return step(stage, batch, index)

        TeacherStage.training_step = stopped
        assert main(fit) == 128 + signal.SIGTERM
        TeacherStage.training_step = step
        last = Path("checkpoints/teacher/last.ckpt")
        (folder / last).parent.mkdir(parents=True)
        for file in (last, last.with_name("last.ckpt.sha256")):
            shutil.copy(Path(name) / "run" / file, folder / file)
        written = (Path(name) / "run" / "config.yaml").read_text(encoding="utf-8")
        (folder / "config.yaml").write_text(written.replace(name, "."), encoding="utf-8")
        assert main([*fit, "--resume", "auto"]) == 0
        for file in ("model.safetensors", "model.json"):
            shutil.copy(Path(name) / "run" / file, folder / file)


if __name__ == "__main__":
    keep(Path(__file__).parent / aed_lightning.__version__)
