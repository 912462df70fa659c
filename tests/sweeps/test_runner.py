import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from shares_sweep import runs, sweep_of
from waiting import in_a_thread, until

from aed_lightning.sweeps import points_of, run_points, write_table


def test_every_run_is_done_once_and_the_table_has_them_all(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    sweep, folder, said = sweep_of(tmp_path, 0, 1), tmp_path / "out", []
    points = points_of(sweep)
    for _ in range(2):
        outcome = run_points(sweep, points, folder, jobs=2, say=said.append)
        assert sorted(outcome.done) == sorted(point.name for point in points)
    assert runs(folder) == {point.name: 1 for point in points}
    assert sum("done already" in line for line in said) == 4
    names = {file.name for file in write_table(sweep, points, folder)}
    assert names == {"results.csv", "results.md", "results.png"}
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert [(row["share"], row["seed"]) for row in rows] == [("0", "0"), ("0", "1"), ("25", "0"), ("25", "1")]
    assert float(rows[3]["standard micro AUC"]) == pytest.approx(0.751)
    assert "| 25 | 2 | 0.750 ± 0.001 |" in (folder / "results.md").read_text()
    in_wandb = [(folder / point.name / "ran").read_text().split() for point in points]
    assert len({run_id for run_id, _, _ in in_wandb}) == 4
    assert {tuple(others) for _, *others in in_wandb} == {("offline", "shares")}


def test_a_run_that_fails_is_named_and_tried_again_and_the_others_are_run(tmp_path: Path):
    sweep, folder, said = sweep_of(tmp_path, 13, 1), tmp_path / "out", []
    points = points_of(sweep)
    for _ in range(2):
        outcome = run_points(sweep, points, folder, jobs=1, say=said.append)
        assert outcome.failed == ["share=0,seed=13", "share=25,seed=13"]
        assert outcome.done == ["share=0,seed=1", "share=25,seed=1"]
    assert runs(folder)["share=0,seed=13"] == 2
    assert runs(folder)["share=0,seed=1"] == 1
    assert "no luck" in (folder / ".logs" / "share=0,seed=13.txt").read_text()
    assert any("failed with exit code 1; see " in line for line in said)
    assert "2 of 4 runs" in write_table(sweep, points, folder)[1].read_text()


def test_a_log_that_cannot_be_written_is_a_run_that_failed(tmp_path: Path):
    sweep, folder, said = sweep_of(tmp_path, 0), tmp_path / "out", []
    points = points_of(sweep)
    (folder / ".logs" / f"{points[0].name}.txt").mkdir(parents=True)
    outcome = run_points(sweep, points, folder, jobs=1, say=said.append)
    assert (outcome.failed, outcome.done) == ([points[0].name], [points[1].name])
    assert any("Is a directory" in line for line in said)


def test_a_figure_that_no_video_has_is_an_empty_cell(tmp_path: Path):
    sweep, folder = sweep_of(tmp_path, 0), tmp_path / "out"
    points = points_of(sweep)
    run_points(sweep, points, folder, jobs=1, say=print)
    for point in points:
        file = folder / point.name / "metrics.json"
        found = json.loads(file.read_text())
        found["standard"]["macro_auc"] = None
        file.write_text(json.dumps(found))
    write_table(sweep, points, folder)
    assert "| 25 | 1 | 0.750 |  | 0.750 |" in (folder / "results.md").read_text()


def test_two_runners_share_the_work(tmp_path: Path):
    sweep, folder = sweep_of(tmp_path, *range(6)), tmp_path / "out"
    points = points_of(sweep)
    work = [in_a_thread(run_points, sweep, points, folder, jobs=2, say=print) for _ in range(2)]
    outcomes = [future.result(600) for future in work]
    assert runs(folder) == {point.name: 1 for point in points}
    for outcome in outcomes:
        assert len(outcome.done) + len(outcome.elsewhere) == len(points)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_runs_and_the_next_call_goes_on(tmp_path: Path, number: signal.Signals):
    """The interruption comes as it does from the terminal, to the main thread, while two runs are going on."""
    from aed_lightning.cli.signals import ended_by_signals
    from aed_lightning.core import Interrupted

    sweep, folder = sweep_of(tmp_path, 0, 1), tmp_path / "out"
    points = points_of(sweep)
    folder.mkdir()
    (folder / "hold").touch()

    over, sent = threading.Event(), []

    def interrupt() -> None:
        while len(runs(folder)) < 2 and not over.is_set():
            time.sleep(0.05)
        if not over.is_set():
            sent.append(time.monotonic())
            os.kill(os.getpid(), number)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(Interrupted), ended_by_signals("go on"):
            run_points(sweep, points, folder, jobs=2, say=print)
    finally:
        over.set()
    assert time.monotonic() - sent[0] < 50  # they would have slept for a minute
    assert len(runs(folder)) == 2
    assert not list(folder.glob("*/metrics.json"))
    (folder / "hold").unlink()
    assert len(run_points(sweep, points, folder, jobs=2, say=print).done) == 4


RUNNER = """
import sys; from pathlib import Path; from aed_lightning.sweeps import Sweep, points_of, run_points
from aed_lightning.sweeps.definition import Parameter
sweep = Sweep("shares", "grid", (Parameter("share", "categorical", (0,)), Parameter("seed", "categorical", (0,))),
              (sys.executable, sys.argv[1], "${args}"), None)
run_points(sweep, points_of(sweep), Path(sys.argv[2]), jobs=1, say=print)
"""


def test_a_run_that_outlives_its_runner_is_not_begun_again_beside_it(tmp_path: Path):
    sweep, folder = sweep_of(tmp_path, 0), tmp_path / "out"
    points = points_of(sweep)[:1]
    folder.mkdir()
    (folder / "hold").touch()
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path / "fit.py"), str(folder)])
    pid = folder / points[0].name / "pid"

    def begun() -> bool:
        assert runner.poll() is None, "the runner has ended"
        return bool(runs(folder)) and pid.exists() and pid.read_text() != ""

    try:
        until(begun, "the run has begun")
    finally:
        runner.kill()
        runner.wait()
    outcome = run_points(sweep, points, folder, jobs=1, say=print)
    assert outcome.elsewhere == [points[0].name]
    assert runs(folder) == {points[0].name: 1}
    (folder / "hold").unlink()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not (done := run_points(sweep, points, folder, jobs=1, say=print).done):
        assert time.monotonic() < deadline
    assert done == [points[0].name]


def test_half_a_run_is_not_in_the_table(tmp_path: Path):
    sweep, folder = sweep_of(tmp_path, 0), tmp_path / "out"
    points = points_of(sweep)
    (folder / points[0].name).mkdir(parents=True)
    (folder / points[0].name / "ran").write_text("")
    assert [file.name for file in write_table(sweep, points, folder)] == ["results.csv", "results.md"]
    assert json.dumps((folder / "results.csv").read_text().splitlines()[1:]) == "[]"
