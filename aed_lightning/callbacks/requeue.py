"""A job that its scheduler is about to end asks to be started again."""

import os
import shutil
import subprocess


def requeue() -> str:
    """Ask SLURM to start this job again, if it is one; what came of it, in words for the log."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("scontrol") is None:
        return "no scheduler here: the training goes on"
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array is not None:  # the number of the first element would mean the whole array
        job = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    asked = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
    if asked.returncode:
        return f"`scontrol requeue {job}` failed ({asked.stderr.strip()}): the training goes on"
    return f"SLURM starts job {job} again"
