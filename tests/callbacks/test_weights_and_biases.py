import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aed_lightning.callbacks import WandbRun
from aed_lightning.callbacks.weights_and_biases import _mode
from aed_lightning.core import RunPaths


class Recorded:
    """Stands for the module wandb and for its run."""

    def __init__(self, broken: bool = False, key: bool = False) -> None:
        self.broken, self.key, self.begun, self.rows, self.ended = broken, key, [], [], []
        self.run, self.id = None, "given"
        self.Settings = SimpleNamespace

    def login(self, prompt: bool, verify: bool) -> bool:
        assert not prompt
        assert not verify
        return self.key

    def log(self, row: dict) -> None:
        if self.broken:
            raise ConnectionResetError("gone")
        self.rows.append(row)

    def finish(self, exit_code: int) -> None:
        self.ended.append(exit_code)


def run_with(recorded: Recorded, folder: Path) -> WandbRun:
    run = WandbRun(RunPaths(folder / "run"), {"seed": 3})
    run._experiment = recorded
    return run


@pytest.mark.parametrize(
    ("only_offline", "said", "key", "expected"),
    [
        (False, None, False, "offline"),
        (False, None, True, "online"),
        (True, None, True, "offline"),
        (True, "online", True, "offline"),
        (False, "offline", True, "offline"),
        (False, "disabled", False, "disabled"),
        (False, "online", False, "online"),
    ],
)
def test_a_run_is_online_where_a_key_is_and_nothing_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, only_offline: bool, said: str | None, key: bool, expected: str
):
    monkeypatch.setitem(sys.modules, "wandb", Recorded(key=key))
    if said is None:
        monkeypatch.delenv("WANDB_MODE", raising=False)
    else:
        monkeypatch.setenv("WANDB_MODE", said)
    assert _mode(only_offline) == expected


def test_steps_are_counted_on_from_those_of_the_earlier_stage(tmp_path: Path):
    recorded = Recorded()
    run = run_with(recorded, tmp_path)
    run.log_metrics({"val/score": 0.5}, step=4)
    run.first_step = 100
    run.log_metrics({"val/score": 0.75}, step=4)
    assert [row["trainer/global_step"] for row in recorded.rows] == [4, 104]


def test_after_one_failure_there_is_one_warning_and_nothing_more_is_tried(tmp_path: Path):
    recorded = Recorded(broken=True)
    run = run_with(recorded, tmp_path)
    with pytest.warns(UserWarning, match=r"failed \(ConnectionResetError: gone\); the training goes on"):
        run.log_metrics({"val/score": 0.5}, step=4)
    recorded.broken = False
    run.log_metrics({"val/score": 0.5}, step=5)  # a second warning would be an error here
    run.experiment.log({"val/score": 0.5})
    run.finish(completed=True)
    assert (recorded.rows, recorded.ended) == ([], [])


@pytest.mark.parametrize(("completed", "code"), [(True, 0), (False, 1)])
def test_a_run_ends_once_and_says_whether_it_was_completed(tmp_path: Path, completed: bool, code: int):
    recorded = Recorded()
    run = run_with(recorded, tmp_path)
    run.finish(completed)
    run.finish(completed)
    assert recorded.ended == [code]


def test_a_run_that_never_began_ends_without_wandb(tmp_path: Path):
    run = WandbRun(RunPaths(tmp_path / "run"), {})
    run.finish(completed=True)
    assert not (tmp_path / "run").exists()
    assert run.save_dir == str(tmp_path / "run")
