import os
from pathlib import Path

import pytest

from aed_lightning.callbacks.requeue import requeue


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scontrol that notes its arguments, and fails where a file says so."""
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ntest ! -e {tmp_path}/refuse || {{ echo no >&2; exit 1; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "asked"


def test_without_a_job_nothing_is_asked(scontrol: Path):
    assert requeue() == "no scheduler here: the training goes on"
    assert not scontrol.exists()


def test_a_job_is_started_again(scontrol: Path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert requeue() == "SLURM starts job 77 again"
    assert scontrol.read_text() == "requeue 77\n"


def test_one_element_of_an_array_is_started_again_and_not_the_array(scontrol: Path, monkeypatch):
    for name, value in {"SLURM_JOB_ID": "80", "SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3"}.items():
        monkeypatch.setenv(name, value)
    assert requeue() == "SLURM starts job 77_3 again"
    assert scontrol.read_text() == "requeue 77_3\n"


def test_a_refusal_is_told(scontrol: Path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    (scontrol.parent / "refuse").touch()
    assert requeue() == "`scontrol requeue 77` failed (no): the training goes on"
