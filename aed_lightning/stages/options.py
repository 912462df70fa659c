"""How a stage is trained; a key of the configuration is an argument here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from ..core import UsageError


@dataclass(frozen=True)
class StageOptions:
    """Length and optimizer of a stage (AdamW; the paper's values are docs/method.md, section 5).

    epochs: passes over the training clips. batch_size: clips of a step on each device.
    learning_rate: at its highest. schedule: "constant", or "cosine" down to a hundredth.
    warmup_steps: steps of linear increase before. weight_decay: not applied to biases and norms.
    """

    epochs: int = 100
    batch_size: int = 100
    learning_rate: float = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.95)

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.batch_size < 1 or self.learning_rate <= 0:
            raise UsageError(
                f"epochs {self.epochs}, batch_size {self.batch_size}, learning_rate {self.learning_rate}: "
                "epochs must not be negative, the others must be positive"
            )
        if self.warmup_steps < 0 or self.weight_decay < 0 or not all(0 <= beta < 1 for beta in self.betas):
            raise UsageError(
                f"warmup_steps {self.warmup_steps}, weight_decay {self.weight_decay}, betas {self.betas}: "
                "steps and decay must not be negative, betas must be in [0, 1)"
            )

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.AdamW:
        """AdamW over `parameters`, in two groups: with and without decay."""
        decayed: list[nn.Parameter] = []
        plain: list[nn.Parameter] = []
        for parameter in parameters:
            (decayed if parameter.ndim > 1 else plain).append(parameter)
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        return torch.optim.AdamW(
            groups, lr=self.learning_rate, betas=self.betas, weight_decay=self.weight_decay, foreach=True
        )

    def scheduler(self, optimizer: torch.optim.Optimizer, total_steps: int | None) -> LambdaLR:
        """The learning rate step by step; `total_steps` of the whole stage are needed by "cosine"."""
        if self.schedule == "cosine" and total_steps is None:
            raise UsageError("schedule 'cosine' needs the number of steps of the stage (total_steps)")

        def factor(step: int) -> float:
            warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
            if self.schedule == "constant":
                return warmup
            assert total_steps is not None
            share = min(1.0, step / max(1, total_steps))  # a stage of no epochs has no steps
            return warmup * (0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * share)))))

        return LambdaLR(optimizer, factor)


@dataclass(frozen=True)
class TeacherOptions(StageOptions):
    """Of the teacher's stage: as `StageOptions`, and what its loss is made of.

    head_loss_weight: of the head's loss beside the teacher's. map_loss_weight: of a loss of the anomaly map alone,
    which counts where nothing moves too and which the paper does not have. token_loss_weight: of the loss of the head
    of tokens, where the network has one. start_from: weights that the network starts from instead of random ones, a run
    directory, checkpoint file, or name of weights that come with the package; of frames of any size.
    """

    head_loss_weight: float = 1.0
    map_loss_weight: float = 0.0
    token_loss_weight: float = 30.0
    start_from: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.head_loss_weight, self.map_loss_weight, self.token_loss_weight) < 0:
            raise UsageError(
                f"head_loss_weight {self.head_loss_weight}, map_loss_weight {self.map_loss_weight}, "
                f"token_loss_weight {self.token_loss_weight}: none may be negative"
            )
