from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from aed_lightning.core import UsageError
from aed_lightning.sweeps import points_of, read_sweep
from aed_lightning.sweeps.definition import Parameter

FILES = sorted((Path(__file__).parents[2] / "experiments" / "sweeps").glob("*.yaml"))
COMMAND = ["${env}", "${interpreter}", "-m", "aed_lightning", "fit", "--config", "c.yaml", "${args}"]
LOG = "log_uniform_values"
GOOD = {"method": "grid", "parameters": {"seed": {"values": [0, 1]}}, "command": COMMAND}


def write(folder: Path, content: object) -> Path:
    file = folder / "sweep.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_our_files_expand_as_an_agent_of_wandb_expands_them(file: Path):
    content = yaml.safe_load(file.read_text())
    sweep = read_sweep(file)
    for point in points_of(sweep, runs=3 if sweep.method == "random" else None):
        expanded = create_sweep_command_args({"args": {key: {"value": value} for key, value in point.values.items()}})
        assert point.arguments == expanded["args"]
        theirs = [expanded.get(word[2:-1], [word]) for word in create_sweep_command(content["command"])]
        flat = [word for words in theirs for word in words]
        ours = point.command(sweep, Path("runs"))
        assert ours[1:-2] == flat[flat.index("-m") :]
        assert ours[-2:] == [f"--run_dir=runs/{point.name}", "--resume=auto"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "bayes"}, "method bayes cannot be run here; start it with a server: wandb sweep"),
        ({"method": "gird"}, "method gird cannot be run here; give grid or random"),
        ({"metod": "grid"}, "unknown key metod; known are"),
        ({"parameters": {}}, "no mapping with `parameters`"),
        ({"parameters": {"seed": 3}}, "parameters.seed: give a mapping"),
        ({"parameters": {"seed": {"values": []}}}, "parameters.seed: values must be a list of at least one"),
        ({"parameters": {"seed": {"value": None}}}, "parameters.seed: null cannot be handed to a run"),
        ({"parameters": {"seed": {"min": 1, "max": 9}}}, "method grid needs values for seed, not a range"),
        ({"parameters": {"seed": {"min": 9, "max": 1}}, "method": "random"}, "min 9, max 1: give two numbers"),
        ({"parameters": {"seed": {"mu": 1}}}, "parameters.seed: mu is not understood here"),
        ({"parameters": {"a": {"parameters": {}}}}, "nested parameters are not understood; write the key dotted"),
        ({"parameters": {"a": {"values": [1, 2], "probabilities": [0.5, 0.6]}}}, "must be 2 numbers that make 1"),
        ({"parameters": {"a": {"min": 0, "max": 1.5, "distribution": "normal"}}, "method": "random"}, "normal is not"),
        ({"parameters": {"a": {"min": 0, "max": 2, "distribution": LOG}}, "method": "random"}, "needs more than 0"),
        ({"parameters": {"seed": {0: None, 1: None}}}, "parameters.seed: 0, 1 is not understood here"),
        ({"parameters": {"a": {"values": [1], "probabilities": 0.5}}}, "must be 1 numbers that make 1"),
        ({"parameters": {"a": {"min": 0.5, "max": 2, "distribution": "int_uniform"}}, "method": "random"}, "whole"),
        ({"parameters": {"resume": {"value": "never"}}}, "parameters.resume: a sweep sets it itself"),
        ({"run_cap": 0}, "run_cap 0: give a whole number from 1 on"),
        ({"command": ["python", "train.py", "${args}"]}, "command must be a list with -m, aed_lightning, fit and"),
        ({"command": COMMAND[:-1]}, "command must be a list with"),
        ({"command": [*COMMAND, "${args_no_hyphens}"]}, "args_no_hyphens} is not understood here"),
        ({"command": [*COMMAND, "--data.root=${envvar:PLACE}"]}, "${envvar:PLACE} is not understood here"),
        ({"command": [*COMMAND, "--seed=5"]}, "command: --seed=5 is the sweep's own; leave it out"),
        ({"command": [*COMMAND, "--seed", "5"]}, "command: --seed is the sweep's own; leave it out"),
        ({"command": [*COMMAND, "--resume=never"]}, "command: --resume=never is the sweep's own; leave it out"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused(tmp_path: Path, change, message):
    file = write(tmp_path, GOOD | change)
    with pytest.raises(UsageError) as refused:
        read_sweep(file)
    assert message in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("content", ["a: [", "just text", "[]", "!!python/object/apply:os.system ['true']"])
def test_what_is_no_sweep_file_is_refused(tmp_path: Path, content: str):
    with pytest.raises(UsageError, match=r"sweep.yaml: "):
        read_sweep(write(tmp_path, content))
    with pytest.raises(UsageError, match=r"nothing.yaml: cannot be read \(No such file"):
        read_sweep(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("setting", ["seed=5", "--seed=5", "run_dir=x", "resume=never"])
def test_what_a_sweep_sets_cannot_be_set_beside_it(tmp_path: Path, setting: str):
    with pytest.raises(UsageError, match=r"\w+ is the sweep's own; leave it out"):
        read_sweep(write(tmp_path, GOOD)).adding([setting])


def test_a_name_stays_below_the_folder_of_sweeps(tmp_path: Path):
    assert read_sweep(write(tmp_path, GOOD | {"name": "../a/b"})).name == "_a_b"


def test_results_of_another_command_or_configuration_are_not_mixed(tmp_path: Path):
    configuration = tmp_path / "c.yaml"
    configuration.write_text("seed: 1")
    sweep = read_sweep(write(tmp_path, GOOD | {"command": [*COMMAND[:-2], str(configuration), "${args}"]}))
    sweep.claim(tmp_path / "out")
    sweep.claim(tmp_path / "out")
    with pytest.raises(UsageError, match="holds runs of another command"):
        sweep.adding(["data.root=x"]).claim(tmp_path / "out")
    with pytest.raises(UsageError, match="holds runs of another command"):
        replace(sweep, parameters=(Parameter("data.seed", "categorical", (0, 1)),)).claim(tmp_path / "out")
    configuration.write_text("seed: 2")
    with pytest.raises(UsageError, match="holds runs of another command or configuration; give another --out"):
        sweep.claim(tmp_path / "out")
