"""Gather what a rule takes from each frame, and make it the scores of whole videos."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64

from ..core.clip import Batch
from ..metrics import FrameAUC
from ..scoring.rules import FrameValues, Rule
from .localization import Localization

TRIVIAL = ("mean_motion", "max_motion")
"""Two scores without a model: mean motion of the frame, and the motion of its most moving token."""


class FrameCollector:
    """Takes the batches of one pass over whole videos, each video's frames in order.

    device: where the processes exchange their scores. localization: is given the maps of whole videos or, where the
    rule filters nothing over time, of a few frames: maps are not kept.
    metrics: the frame scores so far: of the model (key "model"), the two trivial ones, and the highest token of each
    map ("map").
    """

    def __init__(
        self,
        rule: Rule,
        video_names: Sequence[str],
        device: torch.device | str = "cpu",
        localization: Localization | None = None,
    ) -> None:
        self.rule = rule
        self.localization = localization
        self.metrics = {name: FrameAUC(video_names).to(device) for name in ("model", "map", *TRIVIAL)}
        self._video: str | None = None
        self._values: list[np.ndarray] = []
        self._maps: list[np.ndarray] = []
        self._frame_index: list[int] = []
        self._label: list[int] = []

    def add(self, batch: Batch, found: FrameValues) -> None:
        """Take in a batch and what the rule took from it."""
        for name, trivial in zip(TRIVIAL, (batch.mean_motion, batch.motion.amax(dim=1)), strict=True):
            self.metrics[name].update(batch.video, batch.frame_index, trivial.double().cpu(), batch.label)
        frames = zip(
            batch.video,
            found["values"].float().cpu().numpy(),
            found["token_map"].float().cpu().numpy(),
            batch.frame_index.tolist(),
            batch.label.tolist(),
            strict=True,
        )
        for video, value, token_map, frame_index, label in frames:
            if video != self._video:
                self._finish_video()
                self._video = video
            self._values.append(value)
            self._maps.append(token_map)
            self._frame_index.append(frame_index)
            self._label.append(label)
        if not self.rule.reach:
            self._finish_maps()

    def finish(self) -> None:
        """Close the last video."""
        self._finish_video()
        self._video = None

    def _finish_video(self) -> None:
        if self._video is None:
            return
        self._finish_maps()
        self._update("model", self.rule.video_scores(np.stack(self._values)))
        self._values, self._frame_index, self._label = [], [], []

    def _finish_maps(self) -> None:
        if self._video is None or not self._maps:
            return
        maps = self.rule.video_maps(np.stack(self._maps))
        self._update("map", maps.max(axis=(1, 2)).astype(np.float64))
        if self.localization is not None:
            self.localization.add(self._video, self._frame_index[-len(maps) :], maps)
        self._maps = []

    def _update(self, metric: str, scores: Float64[np.ndarray, " frames"]) -> None:
        """Give a metric the scores of the last frames of the video."""
        assert self._video is not None
        self.metrics[metric].update(
            [self._video] * len(scores),
            torch.tensor(self._frame_index[-len(scores) :]),
            torch.from_numpy(scores),
            torch.tensor(self._label[-len(scores) :]),
        )
