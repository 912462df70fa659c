import re
import shlex
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
LINES = [line for language, text in BLOCKS if not language for line in text.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("python -m aed_lightning ")]


def test_the_make_targets_of_the_readme_exist():
    named = set(re.findall(r"make (\w[\w-]*)", README))
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_the_readmes_commands_run_in_their_order(
    command, squares, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert [shlex.split(line)[3] for line in COMMANDS] == ["prepare", "fit", "test", "score"]
    video = next((squares.root / "test").glob("*.*"))
    ours = {"configs/ped2.yaml": str(squares.config), "data/ped2": str(squares.root), "runs/demo": str(trained)}
    ours["data/toy/test/test_09.mp4"] = str(video)
    for line in COMMANDS:
        words = [ours.get(word, word.replace("runs/ped2", "runs/squares")) for word in shlex.split(line)[3:]]
        outcome = command(*words)
        assert outcome.code == 0, outcome
    assert (tmp_path / "runs/squares/metrics.json").is_file()
    assert (tmp_path / "runs/squares-again/metrics.json").is_file()
    assert (tmp_path / "scored/timeline.png").is_file()


def test_the_readmes_python_runs():
    snippet = next(text for language, text in BLOCKS if language == "python")
    names = {"frame_index": np.arange(8), "raw": np.arange(8.0), "label": np.arange(8) // 4}
    *setup, last = snippet.strip().splitlines()
    exec("\n".join(setup), names)
    assert eval(last, names) == 1.0


def test_the_readmes_scoring_from_python_runs(squares, trained: Path, capsys):
    snippet = [text for language, text in BLOCKS if language == "python"][1]
    exec(snippet.replace("runs/demo", str(trained)).replace("data/toy/test", str(squares.root / "test")), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["leap", "stop"]


def test_the_files_and_folders_that_the_readme_draws_exist():
    tree = next(text for _, text in BLOCKS if text.startswith("aed_lightning/\n"))
    names = re.findall(r"^(  )?(\w+/)", tree, flags=re.MULTILINE)
    for indent, name in names:
        assert (REPOSITORY / ("aed_lightning/" if indent else "") / name).is_dir(), name
    for file in re.findall(r"`((?:model|data|stages|callbacks)/\w+\.py)`", README):
        assert (REPOSITORY / "aed_lightning" / file).is_file(), file
