import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from shares_sweep import sweep_of

from aed_lightning.core import UsageError
from aed_lightning.sweeps import points_of, refuse_without_slurm, run_points, submission, submit

SBATCH = """#!/bin/sh
printf '%s\\n' "$@" > "$0.given"
echo '17;cluster'
"""


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for SLURM's: notes what it is given."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(SBATCH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def test_an_array_has_an_element_for_each_run_that_is_not_done(tmp_path: Path, sbatch: Path):
    sweep, folder, script = sweep_of(tmp_path, 0, 1), tmp_path / "out", tmp_path / "array.sh"
    points = points_of(sweep)
    run_points(sweep, points[1:2], folder, jobs=1, say=print)
    command = submission(points, folder, script, None, ["write", "table"])
    assert command == [
        "sbatch", "--parsable", "--array=0,2,3", f"--output={folder}/.logs/slurm-%a.txt", str(script),
        f"{folder}/.commands", "write", "table",
    ]  # fmt: skip
    assert submission(points, folder, script, 2, [])[2] == "--array=0,2,3%2"
    assert submit(sweep, points, folder, command) == "17"
    assert sbatch.with_name("sbatch.given").read_text().splitlines() == command[1:]
    run_points(sweep, points, folder, jobs=1, say=print)
    assert submission(points, folder, script, None, []) == []


def test_the_line_of_an_element_does_its_run_once_and_as_the_local_runner_does(tmp_path: Path, sbatch: Path):
    sweep, folder = sweep_of(tmp_path, 0), tmp_path / "out of it"
    points = points_of(sweep)
    submit(sweep, points, folder, submission(points, folder, tmp_path / "array.sh", None, []))
    lines = (folder / ".commands").read_text().splitlines()
    for _ in range(2):  # started again when its run was done
        subprocess.run(["bash", "-c", lines[1]], check=True)
    assert (folder / points[1].name / "metrics.json").is_file()
    assert not (folder / points[0].name).exists()
    alone, points[1:] = (folder / points[1].name / "ran").read_text(), []
    assert len(alone.splitlines()) == 1
    (folder / "share=25,seed=0" / "metrics.json").unlink()
    run_points(sweep, points_of(sweep)[1:], folder, jobs=1, say=print)
    assert (folder / "share=25,seed=0" / "ran").read_text() == 2 * alone  # the same name in W&B
    words = shlex.split(lines[0])
    assert words[words.index("exec") + 1] == "env"
    assert words[words.index(sys.executable) :] == points[0].command(sweep, folder)


def test_what_sbatch_refuses_is_told_with_its_reason(tmp_path: Path, sbatch: Path):
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n")
    sweep, folder = sweep_of(tmp_path, 0), tmp_path / "out"
    with pytest.raises(UsageError, match=r"sbatch refused it: sbatch: error: invalid partition; .*#SBATCH lines"):
        submit(sweep, points_of(sweep), folder, ["sbatch", "x"])


def test_without_sbatch_or_without_its_script_nothing_is_submitted(tmp_path: Path, sbatch: Path, monkeypatch):
    with pytest.raises(UsageError, match=r"array.sh: there is no such script; start in a checkout"):
        refuse_without_slurm(tmp_path / "array.sh")
    (tmp_path / "array.sh").touch()
    refuse_without_slurm(tmp_path / "array.sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"no sbatch on this machine; give the command where"):
        refuse_without_slurm(tmp_path / "array.sh")
