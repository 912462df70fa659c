"""The runs of a sweep: which values each has, and its command."""

import math
import re
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..core import UsageError
from ..core.randomness import generator, stable_hash
from .definition import Parameter, Sweep

LONGEST_NAME = 150


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
    keys = [parameter.key for parameter in sweep.parameters]
    if sweep.method == "grid":
        if runs is not None:
            raise UsageError(f"--runs {runs}: sweep {sweep.name} is a grid; leave it out, or give run_cap in the file")
        choices = product(*(parameter.values for parameter in sweep.parameters))
        drawn = [dict(zip(keys, values, strict=True)) for values in choices][: sweep.run_cap]
    else:
        number = runs or sweep.run_cap
        if number is None:
            raise UsageError(f"sweep {sweep.name}: a random sweep has no end; give --runs N, or run_cap in the file")
        drawn = [
            {one.key: _draw(one, generator(0, f"sweep {one.key}", sweep.name, place)) for one in sweep.parameters}
            for place in range(number)
        ]
    # What is drawn twice is one run.
    return list({name: Point(name, values) for values in drawn for name in [_name(values)]}.values())


def _draw(parameter: Parameter, random: np.random.Generator) -> Any:
    if parameter.values:
        return parameter.values[int(random.choice(len(parameter.values), p=parameter.probabilities or None))]
    if parameter.distribution == "int_uniform":
        return int(random.integers(int(parameter.low), int(parameter.high) + 1))
    if parameter.distribution == "log_uniform_values":
        return float(math.exp(random.uniform(math.log(parameter.low), math.log(parameter.high))))
    return float(random.uniform(parameter.low, parameter.high))


def _name(values: dict[str, Any]) -> str:
    """A folder's name that says what is in it; it depends on this run's values and on the keys, not on other runs."""
    last = [key.rpartition(".")[2] for key in values]
    keys = last if len(set(last)) == len(last) else list(values)
    name = ",".join(f"{key}={value}" for key, value in zip(keys, values.values(), strict=True))
    plain = re.sub(r"[^\w=.,+-]+", "_", name, flags=re.ASCII).strip("._")
    if plain == name and len(name) <= LONGEST_NAME:
        return name
    return f"{plain[:LONGEST_NAME]},{stable_hash(name):016x}"
