"""How reconstructions become one raw score a frame, and a map of where. A rule has two halves: what it takes from each
frame, on the device, and what it makes of a whole video of that.

A rule sees the frames of a clip as they came in and what the network makes of them. It knows nothing of what was
pasted, of motion or of labels."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypedDict

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from ..core import UsageError
from ..core.clip import Reconstruction
from .maps import (
    pixel_map,
    relative_discrepancy,
    relative_error,
    relative_logit,
    relative_map,
    student_difference,
    teacher_difference,
)

_LARGEST = 20.0
"""Spreads above the floor that count as a score of 1, so that scores stay between the 0 and the 1 that the official
protocol adds to each video."""


class FrameValues(TypedDict):
    """What a rule takes from the frames of a batch: `Rule.frame_values`, and `Rule.token_map` on its grid.

    A mapping, as Lightning wants it of a step.
    """

    values: Float[Tensor, "batch *map"]
    token_map: Float[Tensor, "batch rows columns"]


@dataclass(frozen=True)
class Rule(ABC):
    """Base of the rules.

    `name` is what metrics.json and model.json call it; `reach` is the number of scored frames on either side that a
    frame's score depends on: with any, frames cannot be split over processes.
    mask_ratio: share of the tokens that are hidden while scoring, or none for that of the training.
    masks: how often each frame is seen, other tokens hidden each time, and the outputs averaged; each costs as much as
    the first.
    """

    name: ClassVar[str]

    mask_ratio: float | None = field(default=None, kw_only=True)
    masks: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if self.mask_ratio is not None and not 0 <= self.mask_ratio < 1:
            raise UsageError(f"scoring.mask_ratio {self.mask_ratio} is not in [0, 1)")
        if self.masks < 1:
            raise UsageError(f"scoring.masks {self.masks}: give 1 or more")

    @property
    def reach(self) -> int:
        return 0

    @property
    @abstractmethod
    def reads_student(self) -> bool:
        """Whether the score changes with what the student makes of a frame; else its decoder need not run."""

    @abstractmethod
    def frame_values(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int, rows: int
    ) -> Float[Tensor, "batch *map"]:
        """What the rule keeps of each frame: a number, or a map. Works in the teacher's stage too, without student."""

    def video_scores(self, values: Float[np.ndarray, "frames *map"]) -> Float64[np.ndarray, " frames"]:
        """Raw scores of one video from the values of all its frames, in order."""
        return values.astype(np.float64)

    @abstractmethod
    def token_map(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
    ) -> Float[Tensor, "batch tokens"]:
        """How anomalous each place of a frame is: the rule's terms token by token, for boxes and pixels.

        Without the head, which says nothing of a place: it would lift all tokens of a frame above a threshold.
        """

    def video_maps(
        self, token_maps: Float[np.ndarray, "frames rows columns"]
    ) -> Float[np.ndarray, "frames rows columns"]:
        """The maps of one video from the token maps of all its frames, in order."""
        return token_maps


@dataclass(frozen=True)
class DefaultRule(Rule):
    """Ours: how far error, predicted map and discrepancy, where they are worst together, and head are from normal.

    Each counts in spreads above its mean on normal video, all but the head above that of their place: so the score
    does not depend on where a background is hard, nor on when the training ended. Chosen on validation:
    experiments/0004-relative-rule.

    per_place: or above that of all places, where a place that training hardly shows is not for that reason wrong.
    error_weight, map_weight, discrepancy_weight, head_weight: of the four. top: number of tokens whose mean counts.
    floor: what they come to on normal frames; below it the score goes to 0, as the official protocol's zero
    padding wants it.
    """

    name: ClassVar[str] = "default"

    error_weight: float = 0.0
    map_weight: float = 1.0
    discrepancy_weight: float = 0.0
    head_weight: float = 2.0
    top: int = 4
    floor: float = 5.0
    per_place: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"scoring.top {self.top}: give 1 token or more")

    @property
    def reads_student(self) -> bool:
        return self.discrepancy_weight != 0

    def frame_values(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int, rows: int
    ) -> Float[Tensor, " batch"]:
        tokens = self._tokens(inputs, reconstruction, patch, self.map_weight)
        distance = tokens.topk(min(self.top, tokens.shape[1]), dim=1).values.mean(dim=1)
        logit = relative_logit(reconstruction)
        if logit is not None:
            distance = distance + self.head_weight * logit
        return functional.softplus(distance - self.floor) / _LARGEST

    def token_map(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
    ) -> Float[Tensor, "batch tokens"]:
        # Where the score leaves the map out, it still says where.
        return self._tokens(inputs, reconstruction, patch, self.map_weight or 1.0)

    def _tokens(
        self,
        inputs: Float[Tensor, "batch 9 height width"],
        reconstruction: Reconstruction,
        patch: int,
        map_weight: float,
    ) -> Float[Tensor, "batch tokens"]:
        tokens = map_weight * relative_map(reconstruction, self.per_place)
        if self.error_weight:
            tokens = tokens + self.error_weight * relative_error(inputs, reconstruction, patch, self.per_place)
        discrepancy = relative_discrepancy(reconstruction, self.per_place) if self.discrepancy_weight else None
        return tokens if discrepancy is None else tokens + self.discrepancy_weight * discrepancy


@dataclass(frozen=True)
class PaperRule(Rule):
    """Equation 6 of the paper: pixel by pixel, filtered in space and time, the largest value of the frame.

    alpha, beta, gamma: weights of the teacher's squared error, the squared discrepancy and the head's probability.
    filter_size: side of the mean filter over time, height and width.
    """

    name: ClassVar[str] = "paper"

    alpha: float = 0.4
    beta: float = 0.3
    gamma: float = 0.3
    filter_size: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filter_size < 1:
            raise UsageError(f"scoring.filter_size {self.filter_size}: give 1 or more")

    @property
    def reach(self) -> int:
        return self.filter_size // 2

    @property
    def reads_student(self) -> bool:
        return self.beta != 0

    def frame_values(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int, rows: int
    ) -> Float[Tensor, "batch height width"]:
        pixels = pixel_map(self._errors(inputs, reconstruction, patch), patch, rows)
        if reconstruction.class_logit is not None:
            pixels = pixels + self.gamma * reconstruction.class_logit.float().sigmoid()[:, None, None]
        return pixels

    def video_scores(self, values: Float[np.ndarray, "frames height width"]) -> Float64[np.ndarray, " frames"]:
        """Mean filter over time and space (mirrored at the ends), then the maximum over the frame."""
        filtered = ndimage.uniform_filter(values, self.filter_size, mode="reflect")
        return filtered.max(axis=(1, 2)).astype(np.float64)

    def token_map(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
    ) -> Float[Tensor, "batch tokens"]:
        """Mean over the pixels of a token, which stands for the filter over height and width."""
        return self._errors(inputs, reconstruction, patch).unflatten(2, (-1, 4)).sum(dim=3).mean(dim=2)

    def video_maps(
        self, token_maps: Float[np.ndarray, "frames rows columns"]
    ) -> Float[np.ndarray, "frames rows columns"]:
        """Mean filter over time (mirrored at the ends)."""
        filtered: np.ndarray = ndimage.uniform_filter1d(token_maps, self.filter_size, axis=0, mode="reflect")
        return filtered

    def _errors(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
    ) -> Float[Tensor, "batch tokens values"]:
        values = self.alpha * teacher_difference(inputs, reconstruction, patch).square()
        discrepancy = student_difference(reconstruction)
        return values if discrepancy is None else values + self.beta * discrepancy.square()


@dataclass(frozen=True)
class OfficialRule(Rule):
    """What the released code computes: mean error of all tokens, map channel included.

    error: "squared" with the discrepancy (Avenue) or "absolute" without (ShanghaiTech).
    discrepancy: whether the mean discrepancy is added.
    """

    name: ClassVar[str] = "official"

    error: Literal["squared", "absolute"] = "squared"
    discrepancy: bool = True

    @property
    def reads_student(self) -> bool:
        return self.discrepancy

    def frame_values(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int, rows: int
    ) -> Float[Tensor, " batch"]:
        return self._mean(inputs, reconstruction, patch, (1, 2))

    def token_map(
        self, inputs: Float[Tensor, "batch 9 height width"], reconstruction: Reconstruction, patch: int
    ) -> Float[Tensor, "batch tokens"]:
        return self._mean(inputs, reconstruction, patch, (2,))

    def _mean(
        self,
        inputs: Float[Tensor, "batch 9 height width"],
        reconstruction: Reconstruction,
        patch: int,
        axes: tuple[int, ...],
    ) -> Float[Tensor, "batch *tokens"]:
        mean = torch.mean(self._size(teacher_difference(inputs, reconstruction, patch)), dim=axes)
        discrepancy = student_difference(reconstruction)
        if self.discrepancy and discrepancy is not None:
            mean = mean + torch.mean(self._size(discrepancy), dim=axes)
        return mean

    def _size(self, difference: Float[Tensor, "batch tokens values"]) -> Float[Tensor, "batch tokens values"]:
        return difference.square() if self.error == "squared" else difference.abs()


RULES: dict[str, type[Rule]] = {rule.name: rule for rule in (DefaultRule, PaperRule, OfficialRule)}
