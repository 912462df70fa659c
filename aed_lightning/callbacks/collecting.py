"""Gather what a rule takes from each frame, and make it the scores of whole videos."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..core.clip import Batch
from ..metrics import FrameAUC
from ..scoring.rules import Rule

TRIVIAL = ("mean_motion", "max_motion")
"""Two scores without a model: mean motion of the frame, and the motion of its most moving token."""


class FrameCollector:
    """Takes the batches of one pass over whole videos, each video's frames in order.

    device: where the processes exchange their scores.
    metrics: the frame scores so far, of the model (key "model") and the two trivial ones.
    """

    def __init__(self, rule: Rule, video_names: Sequence[str], device: torch.device | str = "cpu") -> None:
        self.rule = rule
        self.metrics = {name: FrameAUC(video_names).to(device) for name in ("model", *TRIVIAL)}
        self._video: str | None = None
        self._values: list[np.ndarray] = []
        self._frame_index: list[int] = []
        self._label: list[int] = []

    def add(self, batch: Batch, values: Float[Tensor, "batch *map"]) -> None:
        """Take in a batch and what `Rule.frame_values` made of it."""
        for name, trivial in zip(TRIVIAL, (batch.mean_motion, batch.motion.amax(dim=1)), strict=True):
            self.metrics[name].update(batch.video, batch.frame_index, trivial.double().cpu(), batch.label)
        frames = zip(
            batch.video,
            values.float().cpu().numpy(),
            batch.frame_index.tolist(),
            batch.label.tolist(),
            strict=True,
        )
        for video, value, frame_index, label in frames:
            if video != self._video:
                self._finish_video()
                self._video = video
            self._values.append(value)
            self._frame_index.append(frame_index)
            self._label.append(label)

    def finish(self) -> None:
        """Close the last video."""
        self._finish_video()
        self._video = None

    def _finish_video(self) -> None:
        if self._video is None:
            return
        raw = self.rule.video_scores(np.stack(self._values))
        self.metrics["model"].update(
            [self._video] * len(raw),
            torch.tensor(self._frame_index),
            torch.from_numpy(raw),
            torch.tensor(self._label),
        )
        self._values, self._frame_index, self._label = [], [], []
