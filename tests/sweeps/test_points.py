from pathlib import Path

import numpy as np
import pytest

from aed_lightning.core import UsageError
from aed_lightning.sweeps import Point, Sweep, points_of
from aed_lightning.sweeps.definition import Parameter

COMMAND = ("${env}", "python3", "-m", "aed_lightning", "fit", "${args}")


def sweep(*parameters: Parameter, method: str = "grid", run_cap: int | None = None) -> Sweep:
    return Sweep("s", method, parameters, COMMAND, run_cap)


def choice(key: str, *values, probabilities=()) -> Parameter:
    return Parameter(key, "categorical", values, probabilities)


def test_a_grid_is_every_combination_in_order():
    points = points_of(sweep(choice("data.percentage", 0, 25), choice("seed", 0, 1)))
    assert [point.name for point in points] == [
        "percentage=0,seed=0", "percentage=0,seed=1", "percentage=25,seed=0", "percentage=25,seed=1",
    ]  # fmt: skip
    assert points[1].values == {"data.percentage": 0, "seed": 1}
    assert len(points_of(sweep(choice("seed", 0, 1, 2), run_cap=2))) == 2
    with pytest.raises(UsageError, match=r"--runs 2: sweep s is a grid"):
        points_of(sweep(choice("seed", 0, 1, 2)), runs=2)


def test_values_travel_as_words():
    point = Point("n", {"a.b": "[1, 2]", "c": True})
    command = point.command(sweep(choice("c", True)), Path("out"))
    assert command == [
        "python3", "-m", "aed_lightning", "fit", "--a.b=[1, 2]", "--c=True", "--run_dir=out/n", "--resume=auto",
    ]  # fmt: skip


def test_what_a_run_is_called_does_not_depend_on_the_others():
    random = sweep(choice("data.x", 0, 1), choice("seed", 0, 1, 2), method="random")
    first = points_of(random, runs=3)
    assert points_of(random, runs=60)[: len(first)] == first
    assert len(points_of(random, runs=60)) == 6  # what is drawn twice is one run


def test_names_are_folders_and_differ():
    like = points_of(sweep(choice("root", "a/b", "a_b", "a" * 300 + "1", "a" * 300 + "2")))
    assert len({point.name for point in like}) == 4
    assert max(len(point.name) for point in like) < 200
    points = points_of(sweep(choice("a.x", "../up", "b/c d"), choice("b.x", 1)))
    assert all("/" not in point.name and not point.name.startswith(".") for point in points)
    assert len({point.name for point in points}) == 2
    both = points_of(sweep(choice("a.x", 1, 2), choice("b.x", 1, 2)))
    assert len({point.name for point in both}) == 4


def test_a_random_sweep_draws_within_its_ranges_and_the_same_each_time():
    parameters = (
        Parameter("whole", "int_uniform", low=1.0, high=3.0),
        Parameter("any", "uniform", low=-1.0, high=1.0),
        Parameter("log", "log_uniform_values", low=1e-4, high=1e-1),
        choice("rare", "a", "b", probabilities=(0.9, 0.1)),
    )
    random = sweep(*parameters, method="random", run_cap=300)
    points = points_of(random)
    assert points == points_of(random)
    assert points[:20] == points_of(random, runs=20)  # more runs later go on from these
    values = {key: [point.values[key] for point in points] for key in ("whole", "any", "log", "rare")}
    assert set(values["whole"]) == {1, 2, 3}
    assert -1 <= min(values["any"]) < -0.9 < 0.9 < max(values["any"]) <= 1
    assert 1e-4 <= min(values["log"]) < 2e-4
    assert np.median(values["log"]) == pytest.approx(10**-2.5, rel=0.5)
    assert 0.05 < np.mean([value == "b" for value in values["rare"]]) < 0.15


def test_a_random_sweep_without_an_end_is_refused():
    with pytest.raises(UsageError, match="a random sweep has no end; give --runs N"):
        points_of(sweep(choice("seed", 0, 1), method="random"))
