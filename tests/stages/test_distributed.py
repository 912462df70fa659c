"""Two processes (gloo) train as one does on the same clips."""

import aed_lightning  # noqa: F401, I001  first, as a spawned process imports this file alone

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import lightning.pytorch as L
import pytest
import torch
from batches import picked, random_batch
from lightning.pytorch.strategies import DDPStrategy
from training import narrow_network, plain_trainer, silenced_loader, stage_of

from aed_lightning.model import AutoEncoder
from aed_lightning.stages import StageOptions, StudentStage, TeacherOptions, TeacherStage

STAGES = {"teacher": (TeacherStage, TeacherOptions(map_loss_weight=0.5)), "student": (StudentStage, StageOptions())}
BATCH = replace(random_batch(clips=8, seed=3), video=tuple(f"v{clip}" for clip in range(8)))
SAME = 1e-6


class Gradients(L.Callback):
    """Keeps the gradients of the first step, averaged over the processes."""

    def __init__(self, train_norms: bool) -> None:
        self.train_norms = train_norms
        self.found: dict[str, torch.Tensor] = {}

    def on_train_batch_start(self, trainer, pl_module, *_):
        for module in pl_module.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.train(self.train_norms and module.training)

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        parameters = pl_module.network.named_parameters()
        self.found = {name: value.grad.clone() for name, value in parameters if value.grad is not None}


def network() -> AutoEncoder:
    return narrow_network(dropout=0.0)


def gradients(name: str, batch, trainer: L.Trainer, train_norms: bool) -> dict[str, torch.Tensor]:
    kind, options = STAGES[name]
    kept = Gradients(train_norms)
    trainer.callbacks.append(kept)
    with silenced_loader([batch]) as loader:
        trainer.fit(stage_of(kind, network(), options, seed=5), loader)
    return kept.found


def worker(rank: int, folder: str, port: int) -> None:
    import os
    import warnings

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name in STAGES:
        for train_norms in (False, True):
            strategy = DDPStrategy(timeout=timedelta(seconds=300))
            trainer = plain_trainer(1, devices=2, strategy=strategy, use_distributed_sampler=False)
            assert trainer.world_size == 2
            found = gradients(name, picked(BATCH, slice(rank, None, 2)), trainer, train_norms)
            torch.save(found, Path(folder, f"{name}-{train_norms}-{rank}.pt"))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lightning.fabric.plugins.environments.lightning import find_free_network_port

    folder = tmp_path_factory.mktemp("gradients")
    torch.multiprocessing.spawn(worker, (str(folder), find_free_network_port()), nprocs=2)
    return folder


def difference(name: str, train_norms: bool, folder: Path) -> float:
    """Between two processes and one: of all gradients as one vector, relative to its length."""
    first, second = (torch.load(folder / f"{name}-{train_norms}-{rank}.pt") for rank in range(2))
    one = gradients(name, BATCH, plain_trainer(1), train_norms)
    assert first.keys() == second.keys() == one.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    ours, theirs = (torch.cat([found[key].double().flatten() for key in one]) for found in (first, one))
    assert theirs.norm() > 0
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("name", STAGES)
def test_two_processes_have_the_gradients_of_one_on_the_same_clips(folder: Path, name: str):
    assert difference(name, False, folder) < SAME


def test_batch_norm_that_trains_makes_a_difference_without_sync_batchnorm(folder: Path):
    assert difference("teacher", True, folder) > 100 * SAME
