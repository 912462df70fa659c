import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from aed_lightning.cli import doctor


@pytest.mark.parametrize("version", ["2.6.2", "2.6.3"])
def test_malicious_lightning_releases_are_named_so(version):
    finding = doctor.check_lightning(version)
    assert finding.level == "problem"
    assert "malicious" in finding.text
    assert "uninstall" in finding.cure


@pytest.mark.parametrize(
    ("version", "level"),
    [
        (None, "problem"),
        ("2.5.6", "problem"),
        ("2.6.5", "problem"),
        ("2.6.6", "ok"),
        ("2.6.10", "ok"),
        ("2.7.0", "warning"),
    ],
)
def test_lightning_is_accepted_from_2_6_6_on(version, level):
    finding = doctor.check_lightning(version)
    assert finding.level == level
    assert bool(finding.cure) == (level != "ok")


@pytest.mark.parametrize(
    ("torch", "torchvision", "level"),
    [
        ("2.13.0+cpu", "0.28.0", "ok"),
        ("2.11.1", "0.26.0+cu128", "ok"),
        ("2.13.0", "0.29.2", "problem"),
        ("2.13.0", "0.27.0", "problem"),
        ("2.10.0", "0.25.0", "problem"),
        ("3.0.0", "0.28.0", "problem"),
        (None, "0.28.0", "problem"),
        ("2.13.0", None, "problem"),
    ],
)
def test_torch_and_torchvision_must_be_a_pair(torch, torchvision, level):
    assert doctor.check_pair(torch, torchvision).level == level


def test_an_unpaired_torchvision_is_answered_with_both_versions_and_the_right_one():
    finding = doctor.check_pair("2.13.0", "0.29.2")
    assert {"2.13.0", "0.29.2"} <= set(finding.text.replace(",", " ").split())
    assert "0.28" in finding.text
    assert "constraints.txt" in finding.cure


@pytest.mark.parametrize(
    ("loaded", "cuda", "level", "word"),
    [
        (True, None, "ok", "load"),
        (True, "13.0", "ok", "load"),
        (False, None, "ok", "guard"),
        (False, "13.0", "problem", "13.0"),
    ],
)
def test_missing_operators_are_a_problem_only_beside_a_cuda_build(loaded, cuda, level, word):
    finding = doctor.check_operators(loaded, cuda)
    assert finding.level == level
    assert word in finding.text


@pytest.mark.parametrize(
    ("names", "cuda", "driver", "level"),
    [
        (["H100"], "13.0", True, "ok"),
        ([], None, False, "ok"),
        ([], None, True, "warning"),
        ([], "13.0", False, "warning"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_mentioned(names, cuda, driver, level):
    assert doctor.check_gpu(names, cuda, driver).level == level


def test_a_processor_without_bf16_is_named_and_no_problem():
    with_bf16 = doctor.check_cpu(2, 2, bfloat16=True)
    without = doctor.check_cpu(2, 2, bfloat16=False)
    assert "bf16 in hardware" in with_bf16.text
    assert "no bf16 in hardware" in without.text
    assert with_bf16.level == without.level == "ok"


def test_more_threads_than_cores_are_warned_of():
    finding = doctor.check_cpu(8, 2, bfloat16=True)
    assert finding.level == "warning"
    assert "OMP_NUM_THREADS=2" in finding.cure


def test_two_opencv_distributions_are_a_problem_even_if_the_import_works():
    finding = doctor.check_opencv(["opencv-python", "opencv-python-headless"], None)
    assert finding.level == "problem"
    assert "uninstall opencv-python opencv-python-headless" in finding.cure


def test_an_opencv_that_cannot_be_imported_names_both_cures():
    finding = doctor.check_opencv(["opencv-python"], "libGL.so.1: cannot open shared object file")
    assert finding.level == "problem"
    assert "libGL.so.1" in finding.text
    assert "opencv-python-headless" in finding.cure
    assert "apt-get install libgl1 libglib2.0-0" in finding.cure


@pytest.mark.parametrize("distribution", doctor.OPENCV_DISTRIBUTIONS)
def test_a_single_opencv_distribution_is_fine(distribution):
    assert doctor.check_opencv([distribution], None).level == "ok"


@pytest.mark.parametrize(
    ("version", "error", "required", "level"),
    [
        ("18.1.0", None, True, "ok"),
        (None, "No module named 'av'", True, "problem"),
        ("18.1.0", "broken", True, "problem"),
        (None, "No module named 'decord'", False, "ok"),
        ("0.6.0", "broken", False, "warning"),
    ],
)
def test_only_required_readers_are_a_problem_when_they_are_missing(version, error, required, level):
    assert doctor.check_reader("name", version, error, required=required).level == level


@pytest.mark.parametrize(("free_bytes", "level"), [(4_999_999_999, "warning"), (5_000_000_000, "ok")])
def test_less_than_five_gigabytes_of_disk_is_a_warning(free_bytes, level, tmp_path):
    assert doctor.check_disk(free_bytes, tmp_path).level == level


def test_a_folder_that_cannot_be_written_to_is_a_problem(tmp_path, monkeypatch):
    assert doctor.check_write(tmp_path).level == "ok"
    assert list(tmp_path.iterdir()) == []

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = doctor.check_write(tmp_path)
    assert finding.level == "problem"
    assert "Read-only file system" in finding.text


def test_a_missing_distribution_and_a_broken_import_are_reported_not_raised(tmp_path, monkeypatch):
    (tmp_path / "broken_reader.py").write_text("raise RuntimeError('first line\\nsecond line')")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor._installed("no-such-distribution") is None
    assert doctor._import_error("broken_reader") == "first line"
    assert doctor._import_error("no_such_module") == "No module named 'no_such_module'"
    assert doctor._import_error("json") is None


@pytest.mark.parametrize(("levels", "code"), [(["ok"], 0), (["ok", "warning"], 0), (["warning", "problem"], 1)])
def test_the_exit_code_is_1_only_for_a_problem(levels, code, monkeypatch, capsys):
    findings = [doctor.Finding(level, "thing", "text", "" if level == "ok" else "a cure") for level in levels]
    monkeypatch.setattr(doctor, "examine", lambda directory: findings)
    assert doctor.run([]) == code
    output = capsys.readouterr().out
    assert output.count("-> a cure") == len(levels) - levels.count("ok")
    assert output.endswith(f"problems: {levels.count('problem')}, warnings: {levels.count('warning')}\n")


def test_an_unknown_option_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as stop:
        doctor.run(["--fix"])
    assert stop.value.code == 2
    assert "--fix" in capsys.readouterr().err


def run_python(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=directory, timeout=120)


def test_this_installation_is_sound_and_lightning_is_judged_without_importing_it(tmp_path):
    done = run_python(
        "import sys; from aed_lightning.cli import doctor; code = doctor.run([]);"
        "assert not {'lightning', 'pytorch_lightning'} & set(sys.modules); sys.exit(code)",
        tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for subject in (
        "python",
        "lightning",
        "torch",
        "torchvision",
        "GPU",
        "CPU",
        "OpenCV",
        "av",
        "decord",
        "disk",
        "write",
    ):
        assert f" {subject} " in done.stdout


def test_help_imports_nothing_heavy(tmp_path):
    done = run_python(
        "import sys; from aed_lightning.cli import doctor\n"
        "try: doctor.run(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "assert not {'torch', 'torchvision', 'lightning', 'cv2', 'av', 'rich'} & set(sys.modules)",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "usage: aed-lightning doctor" in done.stdout
