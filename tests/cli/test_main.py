import subprocess
import sys
from pathlib import Path

import pytest

from aed_lightning import __main__ as program
from aed_lightning.core import DataError, Interrupted, UsageError

OWN_HELP = [
    ["--help"],
    *([verb, "--help"] for verb in ("prepare", "toy", "demo", "score", "evaluate", "report", "doctor")),
]
PROBE = """
import sys
from aed_lightning.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
heavy = {"torch", "lightning", "torchmetrics", "timm", "cv2", "av", "scipy", "numpy", "matplotlib", "jinja2"}
heavy &= set(sys.modules)
print("HEAVY", sorted(heavy))
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", OWN_HELP, ids=lambda arguments: arguments[0])
def test_help_imports_nothing_heavy(arguments: list[str]):
    repository = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout
    heavy = done.stdout.splitlines()[-1]
    assert heavy in ("HEAVY []", "HEAVY ['numpy']")


def test_a_description_imports_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "prepare", "--describe", "ped2"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("UCSD Ped2: ")
    assert "torch" not in done.stdout.splitlines()[-1]
    assert "lightning" not in done.stdout.splitlines()[-1]


def test_help_names_every_verb_and_no_arguments_are_a_mistake(capsys: pytest.CaptureFixture[str]):
    assert program.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text and phrase in text for verb, phrase in program.VERBS.items())
    assert program.main([]) == 2
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("arguments", ["--help", "prepare --describe ped2"])
def test_where_nobody_reads_on_it_ends_in_silence(arguments: str):
    assert without_reader(arguments.split()) == (141, "")


def test_where_nobody_reads_on_a_table_ends_in_silence_too(tmp_path: Path):
    (tmp_path / "one.csv").write_text("raw,label\n0.1,0\n0.2,1\n0.3,1\n")
    assert without_reader(["evaluate", f"--scores={tmp_path}", f"--labels={tmp_path}"]) == (141, "")


def without_reader(arguments: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "aed_lightning", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        error = process.stderr.read()
        return process.wait(), error


def test_another_pipe_that_breaks_is_an_error(monkeypatch, capsys):
    def run(arguments: list[str]) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("aed_lightning.cli.doctor.run", run)
    assert program.main(["doctor"]) == 1
    assert capsys.readouterr().err.startswith("error: doctor: Broken pipe")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_standard_output_is_told():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "aed_lightning", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device; what was printed is not whole\n"


def test_every_verb_has_its_file():
    folder = Path(program.__file__).parent / "cli"
    assert all((folder / f"{verb}.py").is_file() for verb in program.VERBS)


def test_an_unknown_verb_is_named_with_those_that_exist(capsys: pytest.CaptureFixture[str]):
    assert program.main(["train"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no verb 'train'; one of fit, ")
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("raised", "code", "printed"),
    [
        (DataError("clip.avi has no frames"), 1, "error: clip.avi has no frames\n"),
        (UsageError("--seed -1 is negative"), 2, "error: --seed -1 is negative\n"),
        (Interrupted("stopped by SIGTERM", signal_number=15), 143, "stopped by SIGTERM\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors_become_exit_codes_and_one_line(raised, code: int, printed: str, monkeypatch, capsys):
    def run(arguments: list[str]) -> int:
        raise raised

    monkeypatch.setattr("aed_lightning.cli.doctor.run", run)
    assert program.main(["doctor"]) == code
    assert capsys.readouterr().err == printed


def test_an_exit_that_ctrl_c_caused_is_130_and_others_keep_their_code(monkeypatch, capsys):
    def interrupted(arguments: list[str]) -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    monkeypatch.setattr("aed_lightning.cli.doctor.run", interrupted)
    assert program.main(["doctor"]) == 130
    monkeypatch.setattr("aed_lightning.cli.doctor.run", lambda arguments: sys.exit(2))
    with pytest.raises(SystemExit, match="2"):
        program.main(["doctor"])


def test_an_error_of_ours_is_not_hidden(monkeypatch):
    monkeypatch.setattr("aed_lightning.cli.doctor.run", lambda arguments: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        program.main(["doctor"])


def test_the_arguments_after_the_verb_reach_it(monkeypatch):
    received = []
    monkeypatch.setattr("aed_lightning.cli.doctor.run", lambda arguments: received.append(arguments) or 0)
    assert program.main(("doctor", "--fast", "x")) == 0
    assert received == [["--fast", "x"]]


def test_both_ways_to_start_keep_freed_memory(monkeypatch: pytest.MonkeyPatch):
    repository = Path(__file__).parents[2]
    assert '"aed_lightning.__main__:program"' in (repository / "pyproject.toml").read_text(encoding="utf-8")
    assert "sys.exit(program())" in (repository / "aed_lightning" / "__main__.py").read_text(encoding="utf-8")
    calls: list[str] = []
    monkeypatch.setattr("aed_lightning.core.memory.keep_freed_memory", lambda: calls.append("keep"))
    monkeypatch.setattr(program, "main", lambda: calls.append("main") or 7)
    assert program.program() == 7
    assert calls == ["keep", "main"]
