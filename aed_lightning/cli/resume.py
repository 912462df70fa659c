"""What a training goes on from, and whether it may."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from ..core import DataError, UsageError
from ..core.checksums import newest_good, previous_file
from ..model import AutoEncoder
from ..model.weights import read_checkpoint, refuse_other_architecture
from .training import AedCLI

TRAINING_KEYS = (
    "data",
    "model",
    "teacher",
    "student",
    "seed",
    "trainer.precision",
    "trainer.gradient_clip_val",
    "trainer.accumulate_grad_batches",  # no longer taken, but 0.1 had it
    "trainer.limit_train_batches",
)
PLACES = ("data.root", "data.store", "data.workers")
"""Keys of the data that say where and how, not what."""


def checkpoints_to_resume(cli: AedCLI, names: Sequence[str], resume: str) -> dict[str, Path]:
    """The checkpoint that each of the stages `names` goes on from.

    resume: "never" refuses to train over checkpoints; "auto" goes on where the configuration is the same, or starts
    anew where there is nothing; "force" goes on with a changed configuration too. Raises UsageError.
    """
    last = {name: cli.paths.last_checkpoint(name) for name in names}
    there = [name for name, file in last.items() if file.is_file() or previous_file(file).is_file()]
    if resume == "never" and there:
        raise UsageError(
            f"--run_dir {cli.paths.root}: holds a training already ({', '.join(there)}); "
            "go on with --resume auto, or give another --run_dir"
        )
    good = {name: newest_good(file, cli.console.print) for name, file in last.items()}
    found = {name: file for name, file in good.items() if file is not None}
    for name, file in found.items():
        card, _ = read_checkpoint(file)
        refuse_other_architecture(cli.network, card, file)
        if resume == "auto" and card["finished_epochs"] < cli.config[name].epochs:
            _refuse_other_processes(cli, card, file)
    if resume == "auto" and found:
        if not cli.paths.config.is_file():
            raise UsageError(
                f"{cli.paths.config}: missing, so that nobody knows with what its checkpoints were trained; "
                "give another --run_dir, or --resume force"
            )
        refuse_changed_configuration(cli)
    if resume != "never" and not found:
        cli.console.print(f"nothing to resume in {cli.paths.root}: starting anew")
    return found


def load_teacher(cli: AedCLI) -> None:
    """Put the trained teacher of the run directory into the network. Raises DataError where it is not there whole."""
    last = cli.paths.last_checkpoint("teacher")
    file = newest_good(last, cli.console.print)
    if file is None:
        raise DataError(f"{last}: no trained teacher; train it with --stages teacher, or both with --stages all")
    card, state = read_checkpoint(file)
    refuse_other_architecture(cli.network, card, file)
    epochs = cli.config.teacher.epochs
    if card["finished_epochs"] < epochs:
        raise DataError(
            f"{file}: a teacher that stopped after {card['finished_epochs']} of {epochs} epochs; "
            "finish it with --stages teacher --resume auto"
        )
    cli.network.load_state_dict(state)


def distilled_from(network: AutoEncoder, checkpoint: Path) -> bool:
    """Whether the student in `checkpoint` was trained beside the teacher that `network` holds."""
    _, state = read_checkpoint(checkpoint)
    ours = network.state_dict()
    return all(
        torch.equal(ours[name].cpu(), state[name]) for name in ours if not name.startswith(("student.", "levels."))
    )


def refuse_changed_configuration(cli: AedCLI) -> None:
    """Raise UsageError with the keys that change a training, where they differ from those of the run directory."""
    if not cli.paths.config.is_file():
        return
    before = dict(_leaves(cli.completed(yaml.safe_load(cli.paths.config.read_text(encoding="utf-8")))))
    now = dict(_leaves(cli.resolved_configuration()))
    changes = [
        f"{key} {before.get(key)} (now {now.get(key)})"
        for key in sorted(before.keys() | now.keys())
        if key.startswith(TRAINING_KEYS) and key not in PLACES and before.get(key) != now.get(key)
    ]
    if changes:
        raise UsageError(
            f"{cli.paths.root} was trained with another configuration: {', '.join(changes)}; "
            "give the old values, another --run_dir, or --resume force"
        )


def _refuse_other_processes(cli: AedCLI, card: Mapping[str, Any], file: Path) -> None:
    """Raise UsageError where another number of processes would see clips of the epoch twice, or never."""
    before = card.get("processes", cli.processes)  # checkpoints of 0.1 do not say
    if before != cli.processes:
        raise UsageError(
            f"{file}: of a training in {before} processes (now {cli.processes}), which share the clips in another way; "
            f"go on with {before}, or give --resume force"
        )


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested mappings."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value
