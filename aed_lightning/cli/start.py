"""Weights of another training that a teacher starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from ..core import UsageError
from ..model.weights import find_weights, load_weights, refuse_other_architecture
from .training import AedCLI

MAY_CHANGE = ("frame_size", "mask_ratio", "active_ratio", "dropout", "token_head")
"""Of the architecture, what says nothing of the weights that are taken over."""


@dataclass(frozen=True)
class Start:
    """Weights, as `teacher.start_from` has them, and their card."""

    source: Path
    state: Mapping[str, Tensor]
    card: Mapping[str, Any]

    def begin(self, cli: AedCLI, held_out: Sequence[str]) -> None:
        """Put them into the network, but for what is normal at each place, which is not theirs to say.

        held_out: names of the videos that this training does not see; it is said where those weights have seen them.
        """
        ours = cli.network.state_dict()
        taken = {name: value for name, value in self.state.items() if name in ours and not name.startswith("levels.")}
        cli.network.load_state_dict({**ours, **taken})
        cli.console.print(f"starting from the weights of {self.source}")
        known = self.card.get("dataset") == cli.datamodule.name and "held_out" in self.card
        if known and (seen := sorted(set(held_out) - set(self.card["held_out"]))):
            cli.console.print(
                f"held out here, but not in the training of those weights: {', '.join(seen)}; "
                "validation and thresholds will look better than they are"
            )


def start_of_teacher(cli: AedCLI, begins: bool) -> Start | None:
    """What the teacher is to start from, if anything is named; begins: whether it starts now, or is there already.

    Raises UsageError for weights that are not there, or that come too late; DataError for another architecture.
    """
    named = cli.config_init.teacher.start_from
    if not begins:
        _refuse_another_start(cli, named)
    if named is None or not begins:
        return None
    network, card = load_weights(find_weights(named, option="teacher.start_from"))
    ours = {key: cli.network.architecture[key] for key in MAY_CHANGE}
    refuse_other_architecture(cli.network, {**card, "architecture": {**card["architecture"], **ours}}, named)
    return Start(named, network.state_dict(), card)


def _refuse_another_start(cli: AedCLI, named: Path | None) -> None:
    """Raise UsageError where the teacher that is there started otherwise: config.yaml must go on saying how."""
    if cli.paths.config.is_file():
        saved = yaml.safe_load(cli.paths.config.read_text(encoding="utf-8")) or {}
        before = saved.get("teacher", {}).get("start_from")
        if before != (None if named is None else str(named)):
            advice = f"give {before}" if before else "leave it out"
            raise UsageError(
                f"teacher.start_from {named}: {cli.paths.root} has a teacher already, which started from "
                f"{before or 'random weights'}; {advice}, or another --run_dir"
            )
