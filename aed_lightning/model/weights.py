"""Trained networks as files: safetensors beside a JSON card, or a checkpoint of a stage."""

import json
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..core import DataError, RunPaths, UsageError, atomic_path, write_json
from ..core.checksums import is_damaged, sum_file
from .autoencoder import AutoEncoder

CARD_VERSION = 2
"""2: with what is normal at each place, on which scores and thresholds rest."""


SHIPPED = Path(__file__).parents[1] / "pretrained"
"""A folder for each name of weights that come with the package."""


def save_weights(paths: RunPaths, network: AutoEncoder, card: Mapping[str, Any], *, half: bool = False) -> None:
    """Write `model.safetensors` and `model.json` of a run; `card` says what else a user of the weights must know.

    half: parameters of more than one axis as float16, which halves the file; vectors, statistics, levels as they are.
    """
    halved = {name for name, value in network.named_parameters() if half and value.ndim > 1}
    state = {name: value.half() if name in halved else value for name, value in network.state_dict().items()}
    with atomic_path(paths.weights) as partial:
        save_file({name: value.contiguous() for name, value in state.items()}, partial)
    write_json(paths.model, {"version": CARD_VERSION, "architecture": network.architecture, **card})


def find_weights(weights: Path, option: str = "--weights") -> Path:
    """Where `weights` lie: a path that exists, or the name of weights that come with the package.

    option: what asked for them, for the UsageError where there are none.
    """
    if weights.exists():
        return weights
    names = sorted(card.parent.name for card in SHIPPED.glob("*/model.json"))
    if str(weights) in names:
        return SHIPPED / weights
    raise UsageError(
        f"{option} {weights}: no such run directory or checkpoint file, nor weights that come with the package "
        f"({', '.join(names) or 'none'}); train one with `fit`"
    )


def load_weights(weights: Path) -> tuple[AutoEncoder, dict[str, Any]]:
    """The network, float32, and the card of `weights`: a run directory, a checkpoint file of a stage, or a name.

    A checkpoint's card says its stage and architecture only. Nothing that the file holds is run. Raises UsageError
    where there are none, DataError where they cannot be used.
    """
    weights = find_weights(weights)
    if weights.is_dir():
        card, state = _read_run(RunPaths(weights))
    else:
        card, state = read_checkpoint(weights)
    try:
        architecture = dict(card["architecture"])
        architecture["frame_size"] = tuple(architecture["frame_size"])
        network = AutoEncoder(**architecture)
        network.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"{weights}: weights that do not fit their card ({_reason(error)}); give others") from error
    return network, card


def read_checkpoint(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a stage's checkpoint says of itself, and the network's tensors.

    Stage, architecture, number of processes, learning rate, epoch (0-based) and finished epochs. A file that is not
    what its SHA-256 says is not opened.
    """
    if is_damaged(file):
        raise DataError(f"{file}: damaged, not what {sum_file(file)} says; give another one")
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        finished = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
        card = {**checkpoint["aed_lightning"], "epoch": checkpoint["epoch"], "finished_epochs": finished}
        prefix = "network."
        state = {
            name.removeprefix(prefix): value
            for name, value in checkpoint["state_dict"].items()
            if name.startswith(prefix)
        }
    # Any error: damaged bytes make the unpickler pop from empty lists, decode what is no text, and so on.
    except Exception as error:
        raise DataError(f"{file}: not a checkpoint of this program ({_reason(error)}); give another one") from error
    return card, state


def refuse_other_architecture(network: AutoEncoder, card: Mapping[str, Any], source: Path) -> None:
    """Raise DataError with the keys in which the architecture of `source` differs from the configured network."""
    # What a network of an earlier version could not choose, it has as the default is.
    defaults = {name: of.default for name, of in signature(AutoEncoder).parameters.items()}
    theirs = {key: _plain(value) for key, value in {**defaults, **card["architecture"]}.items()}
    ours = {key: _plain(value) for key, value in network.architecture.items()}
    differing = [key for key in ours if theirs.get(key) != ours[key]]
    if later := sorted(theirs.keys() - ours.keys()):
        raise DataError(f"{source}: of a later version, which knows {', '.join(later)}; use that version")
    if differing:
        what = ", ".join(f"{key} {theirs.get(key)} (configured: {ours[key]})" for key in differing)
        raise DataError(f"{source}: a checkpoint of another architecture: {what}; use its configuration or another run")


def _read_run(paths: RunPaths) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not paths.weights.is_file() or not paths.model.is_file():
        raise DataError(
            f"{paths.root}: no {paths.weights.name} and {paths.model.name} in it; has `fit` finished there?"
        )
    try:
        card, state = dict(json.loads(paths.model.read_text(encoding="utf-8"))), load_file(paths.weights)
    except (SafetensorError, TypeError, ValueError) as error:
        raise DataError(f"{paths.root}: its weights cannot be read ({error}); train again or give others") from error
    version = card.get("version", CARD_VERSION)
    if version != CARD_VERSION:
        raise DataError(
            f"{paths.root}: weights of version {version}, scored otherwise than by this program, which "
            f"has version {CARD_VERSION}: measure their levels with `fit --resume force` on their run, or train again"
        )
    return card, state


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
