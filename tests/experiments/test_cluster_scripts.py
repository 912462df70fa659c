"""The jobs of experiments/cluster, with programs that stand for SLURM's; a real SLURM: tests/cluster."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import end_all, until

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "cluster"
JOBS = sorted(file for file in FOLDER.glob("*.sh") if file.name != "requeue.sh")
# srun runs the work here, scancel reaches it, scontrol is only noted.
PROGRAMS = {
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done\necho $$ > "$NOTES/work"\nexec "$@"',
    "scancel": 'echo "scancel $*" >> "$NOTES/said"\nkill -TERM "$(cat "$NOTES/work")"',
    "scontrol": 'echo "scontrol $*" >> "$NOTES/said"\nexit 1',
}
WORK = "source experiments/cluster/requeue.sh; run bash -c '{}'"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for name, script in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(tmp_path), "SLURM_JOB_ID": "17"}


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts jobs; what is left of them ends with the test."""
    jobs: list[subprocess.Popen] = []

    def start(work: str, **more: str) -> subprocess.Popen:
        words = ["bash", "-c", WORK.format(work)]
        jobs.append(subprocess.Popen(words, cwd=ROOT, env={**environment, **more}, start_new_session=True))
        return jobs[-1]

    yield start
    for job in jobs:
        end_all(job)
        job.wait()


@pytest.fixture
def ready(started, environment: dict[str, str]) -> Callable[..., subprocess.Popen]:
    """Starts a job and waits until its work has begun."""

    def start(work: str, **more: str) -> subprocess.Popen:
        job = started(work, **more)

        def begun() -> bool:
            assert job.poll() is None, "the job has ended"
            return (Path(environment["NOTES"]) / "ready").exists()

        until(begun, "the work has begun")
        return job

    return start


def said(environment: dict[str, str]) -> list[str]:
    file = Path(environment["NOTES"]) / "said"
    return file.read_text().splitlines() if file.exists() else []


def warned(job: subprocess.Popen) -> int:
    """The exit code of a job that SLURM warns of its time limit."""
    job.send_signal(signal.SIGUSR1)
    return job.wait(300)


def test_the_promised_jobs_are_there():
    promised = {"one_gpu.sh", "one_node.sh", "several_nodes.sh", "sweep_array.sh", "archive_array.sh"}
    assert {file.name for file in JOBS} == promised


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_every_job_can_be_preempted_warned_and_started_again(job: Path):
    text = job.read_text()
    for option in ("--requeue", "--signal=B:USR1@120", "--open-mode=append", "--gpus-per-node=", "--time="):
        assert re.search(rf"^#SBATCH {option}", text, re.MULTILINE), option
    assert subprocess.run(["bash", "-n", str(job)], check=False).returncode == 0
    assert "source experiments/cluster/requeue.sh" in text
    assert re.search(r"^run ", text, re.MULTILINE)


@pytest.mark.parametrize("code", [0, 1, 2, 143])
def test_without_a_warning_the_exit_code_is_that_of_the_work_and_nothing_is_started_again(environment, started, code):
    assert started(f"exit {code}").wait(300) == code
    assert said(environment) == []


@pytest.mark.parametrize(
    ("array", "name"), [({}, "17"), ({"SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "0"}, "17_0")]
)
def test_a_job_that_is_warned_ends_its_work_and_is_started_again_it_alone(environment, ready, array, name):
    work = 'trap "exit 143" TERM; touch "$NOTES/ready"; while :; do sleep 0.05; done'
    assert warned(ready(work, **array)) == 143
    assert said(environment) == [f"scancel --signal=TERM {name}", f"scontrol requeue {name}"]


def test_work_that_is_done_when_the_warning_comes_is_not_started_again(environment, ready):
    work = 'trap "exit 0" TERM; touch "$NOTES/ready"; while :; do sleep 0.05; done'
    assert warned(ready(work)) == 0
    assert said(environment) == ["scancel --signal=TERM 17"]


def test_a_preempted_job_waits_for_its_work(environment, ready):
    work = 'trap "sleep 0.5; exit 143" TERM; touch "$NOTES/ready"; while :; do sleep 0.05; done'
    job = ready(work)
    began = time.monotonic()
    for number in (signal.SIGCONT, signal.SIGTERM):  # the script gets it; so does the work, from SLURM
        job.send_signal(number)
    os.kill(int((Path(environment["NOTES"]) / "work").read_text()), signal.SIGTERM)
    assert job.wait(300) == 143
    assert time.monotonic() - began > 0.4
    assert said(environment) == []


def test_what_the_documents_name_is_there():
    text = (ROOT / "docs" / "cluster.md").read_text() + "".join(job.read_text() for job in JOBS)
    named = set(re.findall(r"(?:experiments/\w+|configs)/[\w.]+\.(?:sh|yaml)", text))
    assert {f"experiments/cluster/{job.name}" for job in JOBS} <= named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
    verbs = re.findall(r"python -m aed_lightning (\w+)", text)
    assert set(verbs) == {"sweep", "prepare", "score"}


def test_an_element_of_an_archive_has_its_share_and_goes_on(environment):
    for verb, option in (("prepare", "--workers 2"), ("score", "--resume")):
        array = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "2", "PYTHON": "echo"}
        words = ["bash", "experiments/cluster/archive_array.sh", "8", verb, "--out", "a b"]
        done = subprocess.run(words, cwd=ROOT, env={**environment, **array}, capture_output=True, text=True, check=True)
        assert done.stdout == f"-m aed_lightning {verb} {option} --out a b --shard 3/8\n"


def test_the_work_of_an_element_of_a_sweep_is_its_line_and_then_comes_the_table(environment, tmp_path):
    (tmp_path / "commands").write_text("exit 1\necho run two; exit 3\n")
    words = ["bash", "experiments/cluster/sweep_array.sh", str(tmp_path / "commands"), "echo", "the table"]
    array = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "1"}
    done = subprocess.run(words, cwd=ROOT, env={**environment, **array}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("run two\nthe table\n", 3)
