"""The jobs of experiments/cluster, as they are, on a real SLURM: preempted, warned, started again."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from slurm_cluster import FRAMES, TRAINED_FRAMES, VIDEOS, Cluster, until

pytestmark = pytest.mark.cluster
TWO_TASKS = ("--ntasks-per-node=2", "--cpus-per-task=1")
ONE_TASK_A_NODE = ("--ntasks-per-node=1", "--cpus-per-task=1")


def stopped_after(log: str) -> list[int]:
    """The steps after which the signal ended a training, as the first of its processes tells it."""
    return [int(step) for step in re.findall(r"stopped by SIGTERM after step (\d+)", log)]


def same_weights(first: Path, second: Path) -> bool:
    ours, theirs = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def figures(run: Path) -> dict:
    found = json.loads((run / "metrics.json").read_text())
    return {key: found[key] for key in ("standard", "official", "raw", "causal", "trivial", "per_video", "epoch")}


def in_mid_epoch(run: Path, stage: str, before: int | None = None) -> int:
    """Wait until an epoch more of `stage` has ended, so that the next one is going on; when that was."""
    checkpoint = run / "checkpoints" / stage / "last.ckpt"
    until(lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns != before, f"an epoch of {run.name}")
    return checkpoint.stat().st_mtime_ns


def test_the_shares_of_an_array_made_one_store(cluster: Cluster, config: Path):
    shares = [re.search(r"share (\d/2), (\d) videos", cluster.log(f"prepare-{element}.txt")) for element in (1, 2)]
    assert [share[1] for share in shares] == ["1/2", "2/2"]
    counts = [int(share[2]) for share in shares]
    assert sum(counts) == VIDEOS + 2
    assert min(counts) > 0
    assert f"{VIDEOS + 2} videos, {(VIDEOS + 2) * FRAMES} frames" in cluster.verb(
        "prepare", "--config", config, "--merge"
    )


def test_a_training_on_two_nodes_that_is_preempted_and_warned_ends_as_the_undisturbed_one(
    cluster: Cluster, config: Path
):
    undisturbed, disturbed = cluster.folder / "undisturbed", cluster.folder / "disturbed"
    job = cluster.submit(
        "undisturbed.txt", *TWO_TASKS, "experiments/cluster/one_node.sh", "--config", config, "--run_dir", undisturbed
    )
    assert cluster.completed(job)["Restarts"] == "0"
    steps = TRAINED_FRAMES // 2

    job = cluster.submit(
        "disturbed.txt", *ONE_TASK_A_NODE, "experiments/cluster/several_nodes.sh", "--config", config,
        "--run_dir", disturbed,
    )  # fmt: skip
    in_mid_epoch(disturbed, "teacher")
    cluster.completed(cluster.submit("urgent.txt", "--partition=urgent", "--nodes=2", "--exclusive", "--wrap", "true"))
    preempted = stopped_after(cluster.log("disturbed.txt"))
    assert len(preempted) == 1
    assert steps < preempted[0] < 2 * steps  # in the second epoch

    in_mid_epoch(disturbed, "student")
    cluster.call("scancel", "--signal=USR1", "--batch", job)  # as SLURM does before the time limit
    found = cluster.completed(job)
    assert found["Restarts"] == "2"
    assert found["NumNodes"] == "2"
    warned = stopped_after(cluster.log("disturbed.txt"))[1:]
    assert len(warned) == 1
    assert warned[0] % steps
    lines = re.findall(r"(teacher|student) epoch (\d)/\d", cluster.log("disturbed.txt"))
    assert set(Counter(lines).values()) == {1}  # every epoch once
    assert len(set(lines)) == 4
    assert same_weights(disturbed, undisturbed)
    assert figures(disturbed) == figures(undisturbed)


def test_a_sweep_fills_its_table_and_what_was_started_again_is_as_what_was_not(
    cluster: Cluster, config: Path, alone: Path
):
    file, out = cluster.folder / "seeds.yaml", cluster.folder / "sweep"
    command = ["${interpreter}", "-m", "aed_lightning", "fit", "--config", str(config), "${args}"]
    sweep = {"method": "grid", "parameters": {"seed": {"values": [0, 1, 2]}}, "command": command}
    file.write_text(yaml.safe_dump(sweep))
    said = cluster.verb("sweep", file, "--out", out, "--slurm")
    job = re.match(r"job (\d+) of SLURM", said)[1]
    in_mid_epoch(out / "seed=1", "teacher")
    cluster.call("scontrol", "requeue", f"{job}_1")
    for element in range(3):
        cluster.completed(f"{job}_{element}")
    assert cluster.state(f"{job}_1")["Restarts"] == "1"
    assert stopped_after(cluster.log("sweep/.logs/slurm-1.txt"))
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == ["0", "1", "2"]
    for row in rows:
        run = out / f"seed={row['seed']}"
        assert (
            float(row["standard micro AUC"]) == json.loads((run / "metrics.json").read_text())["standard"]["micro_auc"]
        )
    assert "3 of 3 runs" in (out / "results.md").read_text()
    assert cluster.verb("sweep", file, "--out", out, "--slurm").startswith("all 3 runs are done")

    assert same_weights(out / "seed=1", alone)


def test_an_archive_is_scored_in_shares_and_merged(cluster: Cluster, alone: Path):
    out, source = cluster.folder / "scored", cluster.folder / "toy" / "train"
    arguments = ("--weights", alone, "--source", source, "--out", out, "--no-overlay")
    job = cluster.submit("score-%a.txt", "--array=1-2", "experiments/cluster/archive_array.sh", 2, "score", *arguments)
    for element in (1, 2):
        cluster.completed(f"{job}_{element}")
    assert f"{VIDEOS} recordings" in cluster.verb("score", "--source", source, "--out", out, "--merge")
    assert len(list(out.glob("*/scores.csv"))) == VIDEOS
    assert (out / "events.csv").read_text().startswith("recording,start,end,")
