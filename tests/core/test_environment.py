import json
import subprocess
import sys

import pytest

from aed_lightning.core import environment as record


def test_the_record_of_a_run_is_json_and_names_what_made_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["aed-lightning", "fit", "--config", "configs/toy.yaml"])
    made_with = json.loads(json.dumps(record.environment(seed=7, device="cpu", threads=3)))
    assert made_with["seed"] == 7
    assert made_with["device"] == "cpu"
    assert made_with["threads"] == 3
    assert made_with["command"] == "aed-lightning fit --config configs/toy.yaml"
    assert made_with["packages"]["lightning"].startswith("2.6.")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["/somewhere/aed_lightning/__main__.py", "fit"], "python -m aed_lightning fit"),
        (
            ["/somewhere/bin/aed-lightning", "prepare", "--data.root", "my videos"],
            "aed-lightning prepare --data.root 'my videos'",
        ),
    ],
)
def test_the_command_can_be_typed_again_and_names_no_folder_of_the_installation(arguments, command, monkeypatch):
    monkeypatch.setattr(sys, "argv", arguments)
    assert record.command() == command


def test_a_package_that_is_not_installed_has_no_version():
    assert record._version("no-such-distribution") is None


def test_the_commit_of_a_project_around_ours_is_not_ours(monkeypatch, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q", tmp_path], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], cwd=tmp_path, check=True)
    ours = tmp_path / "aed_lightning" / "core"
    ours.mkdir(parents=True)
    monkeypatch.setattr(record, "__file__", str(ours / "environment.py"))
    assert len(record.commit()) >= 12
    below = tmp_path / ".venv" / "aed_lightning" / "core"
    below.mkdir(parents=True)
    monkeypatch.setattr(record, "__file__", str(below / "environment.py"))
    assert record.commit() is None


def test_without_git_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert record.commit() is None


@pytest.mark.parametrize(("flags", "has"), [("avx512f avx512_bf16 sse2", True), ("avx512f avx512_bf16x sse2", False)])
def test_bf16_is_read_from_the_flags_of_the_processor(flags, has, monkeypatch):
    monkeypatch.setattr(record, "_cpuinfo", lambda: f"model name\t: Some CPU\nflags\t\t: fpu {flags}\n")
    assert record.has_bfloat16() == has
    assert record.processor_name() == "Some CPU"


def test_a_gpu_that_would_emulate_bf16_has_none(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: including_emulation)
    assert not record.has_bfloat16("cuda")


def test_the_processor_has_a_name():
    assert record.processor_name()
