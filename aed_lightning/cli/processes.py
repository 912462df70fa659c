"""Several processes that train together (DDP): what is refused before they start, and how all of them end.

Every one of them runs the whole verb; the first one alone writes and speaks (docs/adr/0018).
"""

import copy
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import lightning.pytorch as L
from jsonargparse import Namespace
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities import rank_zero_only
from torch.distributed.distributed_c10d import _set_pg_timeout

from ..core import Interrupted, UsageError

PATIENCE = timedelta(seconds=45)
"""How long the processes of a training wait for one that does not come to where they meet."""
FIRST_SECONDS = 5.0
"""How long one that fails waits for the first to end by itself: Lightning kills it else, and its exit code with it."""


class Together(DDPStrategy):
    """DDP that gives a process that hangs `PATIENCE` instead of Lightning's half hour, once all have met.

    At the start that half hour stays: one prepares the data meanwhile, and programs take their time to be imported.
    """

    def setup_environment(self) -> None:
        super().setup_environment()
        _set_pg_timeout(PATIENCE)


def is_first() -> bool:
    """Whether this process is the one that writes and speaks, or the only one."""
    return getattr(rank_zero_only, "rank", None) in (None, 0)


def planned_processes(trainer: Namespace) -> int:
    """How many processes the settings `trainer` mean, all nodes together.

    Raises UsageError where they cannot be: fewer devices, or a launcher that started another number.
    """
    keys = ("accelerator", "strategy", "devices", "num_nodes", "sync_batchnorm", "plugins")
    settings = copy.deepcopy({key: trainer[key] for key in keys})
    try:
        planned = L.Trainer(**settings, logger=False, enable_checkpointing=False, enable_progress_bar=False)
        environment = getattr(planned.strategy, "cluster_environment", None)
        if environment is not None:
            environment.validate_settings(planned.num_devices, planned.num_nodes)
    except (MisconfigurationException, ValueError) as error:
        raise UsageError(f"trainer: {error}") from error
    on_cpu, cores = planned.strategy.root_device.type == "cpu", os.cpu_count() or 1
    if on_cpu and planned.num_devices > cores:
        raise UsageError(
            f"trainer.devices {planned.num_devices}: this machine has {cores} cores, and a process on one is a device; "
            f"give at most {cores}"
        )
    if on_cpu and trainer["sync_batchnorm"] and planned.world_size > 1:
        raise UsageError("trainer.sync_batchnorm: PyTorch has it for GPUs only; leave it out (docs/processes.md)")
    return planned.world_size


def strategy_of(trainer: Namespace, processes: int) -> Any:
    """The strategy of a trainer with the settings `trainer`, new each time: a used one fits no other trainer."""
    configured = trainer["strategy"]
    if processes > 1 and configured in ("auto", "ddp"):
        return Together()
    return copy.deepcopy(configured)


@contextmanager
def ending_together(trainers: Callable[[], list[L.Trainer]]) -> Iterator[None]:
    """All processes end when one does, and what the first one ends with is what the program ends with.

    trainers: those built so far.
    """
    try:
        yield
    except BaseException as error:
        if is_first():
            if not isinstance(error, Interrupted):  # asked to stop, all of them do
                _kill_the_others(trainers())
            raise
        _wait_for_the_first()
        if isinstance(error, Interrupted):  # the first one says so
            raise SystemExit(error.exit_code) from error
        raise


def _kill_the_others(trainers: list[L.Trainer]) -> None:
    """End what Lightning started on this machine: it may hang for ever."""
    for trainer in trainers:
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGKILL)


def _wait_for_the_first() -> None:
    if TorchElasticEnvironment.detect() or SLURMEnvironment.detect():
        return  # theirs is the parent, and the exit code
    parent, deadline = os.getppid(), time.monotonic() + FIRST_SECONDS
    while os.getppid() == parent != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
