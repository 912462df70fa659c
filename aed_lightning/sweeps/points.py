"""The runs of a sweep: which values each has, and its command."""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..core import UsageError
from ..core.randomness import generator
from .definition import Parameter, Sweep


@dataclass(frozen=True)
class Point:
    """One run. name: what its folder is called. values: by key of the configuration."""

    name: str
    values: dict[str, Any]

    @property
    def arguments(self) -> list[str]:
        """As an agent of W&B writes them."""
        return [f"--{key}={value}" for key, value in self.values.items()]

    def command(self, sweep: Sweep, folder: Path) -> list[str]:
        """What runs it, in a run directory below `folder`; goes on where an earlier attempt ended."""
        words: list[str] = []
        for word in sweep.command:
            if word == "${args}":
                words += self.arguments
            elif word != "${env}":
                words.append(sys.executable if word == "${interpreter}" else word)
        return [*words, f"--run_dir={folder / self.name}", "--resume=auto"]


def points_of(sweep: Sweep, runs: int | None = None) -> list[Point]:
    """The runs, in order. runs: how many of a random sweep, if not those of its run_cap. Raises UsageError."""
    if sweep.method == "grid":
        combinations = [dict(zip(_keys(sweep), values, strict=True)) for values in product(*_choices(sweep))]
        combinations = combinations[: sweep.run_cap]
    else:
        number = runs or sweep.run_cap
        if number is None:
            raise UsageError(f"sweep {sweep.name}: a random sweep has no end; give --runs N, or run_cap in the file")
        combinations = [
            {one.key: _draw(one, generator(0, f"sweep {one.key}", sweep.name, place)) for one in sweep.parameters}
            for place in range(number)
        ]
    names = [_name(values, short=True) for values in combinations]
    if len(set(names)) < len(names):
        names = [_name(values, short=False) for values in combinations]
    # A random sweep may draw the same twice: that is one run.
    return [Point(name, values) for name, values in dict(zip(names, combinations, strict=True)).items()]


def _keys(sweep: Sweep) -> list[str]:
    return [parameter.key for parameter in sweep.parameters]


def _choices(sweep: Sweep) -> Sequence[Sequence[Any]]:
    return [parameter.values for parameter in sweep.parameters]


def _draw(parameter: Parameter, random: np.random.Generator) -> Any:
    if parameter.values:
        return parameter.values[int(random.choice(len(parameter.values), p=parameter.probabilities or None))]
    if parameter.distribution == "int_uniform":
        return int(random.integers(int(parameter.low), int(parameter.high) + 1))
    if parameter.distribution == "log_uniform_values":
        return float(math.exp(random.uniform(math.log(parameter.low), math.log(parameter.high))))
    return float(random.uniform(parameter.low, parameter.high))


def _name(values: dict[str, Any], *, short: bool) -> str:
    """A folder's name that says what is in it."""
    parts = [f"{key.rpartition('.')[2] if short else key}={value}" for key, value in values.items()]
    return re.sub(r"[^\w=.,+-]+", "_", ",".join(parts)).strip("._")[:200]
