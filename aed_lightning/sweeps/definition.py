"""A sweep file, in the format of Weights & Biases (https://docs.wandb.ai/models/sweeps/define-sweep-configuration)."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from ..core import UsageError, write_json

KNOWN_KEYS = (
    "program", "project", "entity", "name", "description", "method", "metric", "parameters", "command", "run_cap",
    "early_terminate",
)  # fmt: skip
METHODS = ("grid", "random")
DISTRIBUTIONS = ("uniform", "int_uniform", "log_uniform_values")
RESERVED = ("run_dir", "resume", "evaluate")
"""Options of `fit` that a sweep sets, or needs as they are."""
OURS = ["-m", "aed_lightning", "fit"]
"""What a command has to run."""


@dataclass(frozen=True)
class Parameter:
    """A key of the configuration and what it may be.

    values: to choose from, or none. probabilities: of each of them, or none for alike. low, high: of a range.
    """

    key: str
    distribution: str
    values: tuple[Any, ...] = ()
    probabilities: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Sweep:
    """What a sweep file says. command: words, "${args}" among them. run_cap: how many runs at most, or none."""

    name: str
    method: str
    parameters: tuple[Parameter, ...]
    command: tuple[str, ...]
    run_cap: int | None

    def adding(self, settings: Sequence[str]) -> "Sweep":
        """The same with KEY=VALUE in every run. Raises UsageError."""
        for setting in settings:
            key, separator, _ = setting.lstrip("-").partition("=")
            if not separator:
                raise UsageError(f"--set {setting}: give KEY=VALUE, as data.root=data/toy")
            if key in RESERVED or key in [parameter.key for parameter in self.parameters]:
                raise UsageError(f"--set {setting}: {key} is the sweep's own; leave it out")
        return replace(self, command=(*self.command, *(f"--{setting.lstrip('-')}" for setting in settings)))

    def claim(self, folder: Path) -> None:
        """Note in `folder` what its runs are made of. Raises UsageError where those that are there are of another."""
        words = [part for word in self.command for part in word.split("=", 1)]
        files = [Path(file) for option, file in pairwise(words) if option == "--config"]
        made_of = {
            "command": list(self.command),
            "keys": [parameter.key for parameter in self.parameters],
            "configurations": [file.read_text(encoding="utf-8") for file in files if file.is_file()],
        }
        note = folder / "sweep.json"
        if note.is_file() and json.loads(note.read_text(encoding="utf-8")) != made_of:
            raise UsageError(f"--out {folder} holds runs of another command or configuration; give another --out")
        write_json(note, made_of)


def read_sweep(file: Path) -> Sweep:
    """A sweep file that can be run here. Raises UsageError for what cannot, with what to do."""
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise UsageError(
            f"{file}: cannot be read ({reason}); give a sweep file, as experiments/sweeps/*.yaml"
        ) from error
    if not isinstance(given, dict) or not isinstance(given.get("parameters"), dict) or not given["parameters"]:
        raise UsageError(f"{file}: no mapping with `parameters`; see experiments/sweeps/*.yaml")
    if unknown := sorted(set(map(str, given)) - set(KNOWN_KEYS)):
        raise UsageError(f"{file}: unknown key {', '.join(unknown)}; known are {', '.join(KNOWN_KEYS)}")
    method = given.get("method")
    if method not in METHODS:
        advice = f"start it with a server: wandb sweep {file}" if method == "bayes" else f"give {' or '.join(METHODS)}"
        raise UsageError(f"{file}: method {method} cannot be run here; {advice}")
    parameters = tuple(_parameter(file, str(key), one) for key, one in given["parameters"].items())
    if method == "grid" and (ranges := [one.key for one in parameters if not one.values]):
        raise UsageError(
            f"{file}: method grid needs values for {', '.join(ranges)}, not a range; or give method random"
        )
    cap = given.get("run_cap")
    if cap is not None and (not isinstance(cap, int) or cap < 1):
        raise UsageError(f"{file}: run_cap {cap}: give a whole number from 1 on")
    if reserved := [one.key for one in parameters if one.key in RESERVED]:
        raise UsageError(f"{file}: parameters.{reserved[0]}: a sweep sets it itself; leave it out")
    return Sweep(
        re.sub(r"[^\w=.,+-]+", "_", str(given.get("name") or file.stem)).strip(".") or "sweep",
        method,
        parameters,
        _command(file, given.get("command"), [parameter.key for parameter in parameters]),
        cap,
    )


def _parameter(file: Path, key: str, given: Any) -> Parameter:
    where = f"{file}: parameters.{key}"
    if not isinstance(given, dict):
        raise UsageError(f"{where}: give a mapping with `value`, `values`, or `min` and `max`")
    if "parameters" in given:
        raise UsageError(f"{where}: nested parameters are not understood; write the key dotted, as data.seed")
    if unknown := sorted(set(map(str, given)) - {"value", "values", "min", "max", "distribution", "probabilities"}):
        raise UsageError(f"{where}: {', '.join(unknown)} is not understood here; give value, values, or min and max")
    if "value" in given or "values" in given:
        values = given["values"] if "values" in given else [given["value"]]
        if not isinstance(values, list) or not values:
            raise UsageError(f"{where}: values must be a list of at least one")
        if any(value is None for value in values):
            # W&B writes None, which is no value of the configuration.
            raise UsageError(f"{where}: null cannot be handed to a run; leave the key out, or give a value")
        weights = given.get("probabilities", [1 / len(values)] * len(values))
        numbers = isinstance(weights, list) and all(isinstance(one, int | float) and one >= 0 for one in weights)
        if not numbers or len(weights) != len(values) or abs(sum(weights) - 1) > 1e-6:
            raise UsageError(f"{where}: probabilities must be {len(values)} numbers that make 1 together")
        return Parameter(key, "categorical", tuple(values), tuple(one / sum(weights) for one in weights))
    low, high = given.get("min"), given.get("max")
    whole = isinstance(low, int) and isinstance(high, int)
    distribution = given.get("distribution", "int_uniform" if whole else "uniform")
    if distribution not in DISTRIBUTIONS:
        raise UsageError(f"{where}: distribution {distribution} is not drawn here; one of {', '.join(DISTRIBUTIONS)}")
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        raise UsageError(f"{where}: min {low}, max {high}: give two numbers, the smaller first")
    if distribution == "int_uniform" and not whole:
        raise UsageError(f"{where}: min {low}, max {high}: int_uniform needs whole numbers")
    if distribution == "log_uniform_values" and low <= 0:
        raise UsageError(f"{where}: min {low}: a logarithm needs more than 0")
    return Parameter(key, distribution, low=float(low), high=float(high))


def _command(file: Path, given: Any, varied: Sequence[str]) -> tuple[str, ...]:
    words = [str(word) for word in given] if isinstance(given, list) else []
    if "${args}" not in words or not any(words[place : place + 3] == OURS for place in range(len(words))):
        raise UsageError(
            f"{file}: command must be a list with {', '.join(OURS)} and ${{args}} in it; see experiments/sweeps/*.yaml"
        )
    if others := [word for word in words if "${args_" in word or "${envvar" in word]:
        raise UsageError(f"{file}: command: {', '.join(others)} is not understood here; give ${{args}}")
    own = {f"--{key}" for key in (*varied, *RESERVED)}
    if fixed := [word for word in words if word.partition("=")[0] in own]:
        raise UsageError(f"{file}: command: {', '.join(fixed)} is the sweep's own; leave it out")
    return tuple(words)
