"""Frame AUC that is the same number on any number of processes, bit for bit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float64, Int
from torch import Tensor
from torchmetrics import Metric

from aed_lightning.core import DataError, FrameScores

from .evaluate import check_parameters, evaluate

COPIES_AGREE_WITHIN = 1e-5
"""Relative difference that two devices may show for one frame."""


class FrameAUC(Metric):
    """Gathers raw frame scores over batches and processes; `compute` evaluates them.

    Raw scores are gathered, since a part of a video cannot be smoothed. Frames may come in any order, in unequal
    numbers a rank or none, and again on another rank, as a distributed sampler repeats them to fill up.

    video_names: all names that may come, in the same order on every rank.
    protocol, parameters: as for `evaluate`. kwargs: as for every torchmetrics Metric.
    Under the protocol "official" too, frames are evaluated in order of their index.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    _state_dtypes: ClassVar[dict[str, torch.dtype]] = {
        "video_id": torch.int32,
        "frame_index": torch.int64,
        "raw": torch.float64,
        "label": torch.int8,
        "rank": torch.int32,
    }

    def __init__(
        self,
        video_names: Sequence[str],
        protocol: str = "standard",
        parameters: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.video_names = tuple(video_names)
        self.protocol = protocol
        self.protocol_parameters = dict(parameters or {})
        check_parameters(protocol, self.protocol_parameters)
        self._id_of_name = {name: number for number, name in enumerate(self.video_names)}
        if len(self._id_of_name) < len(self.video_names):
            twice = next(name for name in self.video_names if self.video_names.count(name) > 1)
            raise DataError(f"video {twice!r} is named twice; give each video once", name="duplicate_video")
        for state in self._state_dtypes:
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(
        self,
        video: Sequence[str],
        frame_index: Int[Tensor, " batch"],
        raw: Float64[Tensor, " batch"],
        label: Int[Tensor, " batch"],
    ) -> None:
        """Take in a batch. label: 0, 1, or -1 where there is none.

        Raises DataError `unknown_video` for a name that the constructor was not given, `length_mismatch`.
        """
        frames = {len(video), len(frame_index), len(raw), len(label)}
        if len(frames) > 1:
            raise DataError(
                f"a batch of {len(video)} video names, {len(frame_index)} frame indices, {len(raw)} scores and "
                f"{len(label)} labels; give one of each for each frame",
                name="length_mismatch",
            )
        numbers = torch.tensor([self._number(name) for name in video], dtype=torch.int32)
        rank = torch.full((len(video),), _rank(), dtype=torch.int32)
        # What int8 cannot hold must not come back as a valid label.
        columns = (numbers, frame_index, raw, label.clamp(-128, 127), rank)
        for (state, dtype), column in zip(self._state_dtypes.items(), columns, strict=True):
            getattr(self, state).append(column.detach().to(self.device, dtype))

    def compute(self) -> dict[str, Any]:
        """The figures of `evaluate` over the frames of all ranks, the same on every rank."""
        return evaluate(self.videos(), self.protocol, **self.protocol_parameters)

    def videos(self) -> list[FrameScores]:
        """The frames of all ranks: one entry for each video that has any, by name, each sorted by frame index.

        Every rank must call it. Of copies on several ranks the one of the lowest rank stays.
        Raises DataError `duplicate_frame_index` if one rank saw a frame twice, `copies_differ` if the copies of a
        frame differ in label, or in score by more than 1e-5 of it.
        """
        if self._is_synced:
            return self._grouped()
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return self._grouped()

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """As in torchmetrics, with columns of the right type on a rank that saw no frame."""
        for state, dtype in self._state_dtypes.items():
            column = getattr(self, state)
            if isinstance(column, list) and not column:
                column.append(torch.empty(0, dtype=dtype, device=self.device))
        super().sync(*args, **kwargs)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> torch.nn.Module:
        # Half precision of the module around must reach neither scores nor frame indices: only moves pass.
        return super()._apply(lambda tensor: tensor.to(fn(tensor).device), exclude_state)

    def _number(self, name: str) -> int:
        if name not in self._id_of_name:
            raise DataError(
                f"video {name!r} is not among the {len(self.video_names)} of this metric; name it in video_names",
                name="unknown_video",
            )
        return self._id_of_name[name]

    def _columns(self) -> dict[str, np.ndarray]:
        """The state as arrays, sorted by video, then frame index, then rank."""
        columns = {}
        for state, dtype in self._state_dtypes.items():
            column = getattr(self, state)
            # Gathered columns are one tensor, local ones a list with a tensor a batch.
            parts = [column] if isinstance(column, Tensor) else column
            columns[state] = torch.cat([torch.empty(0, dtype=dtype), *(part.cpu() for part in parts)]).numpy()
        order = np.lexsort((columns["rank"], columns["frame_index"], columns["video_id"]))
        return {state: column[order] for state, column in columns.items()}

    def _grouped(self) -> list[FrameScores]:
        columns = self._columns()
        original = self._originals(columns)
        kept = {state: column[original] for state, column in columns.items()}
        videos = []
        for number in np.unique(kept["video_id"]):
            of_video = kept["video_id"] == number
            label = kept["label"][of_video]
            videos.append(
                FrameScores(
                    video=self.video_names[number],
                    frame_index=kept["frame_index"][of_video],
                    raw=kept["raw"][of_video],
                    label=None if np.all(label == -1) else label,
                )
            )
        return sorted(videos, key=lambda scores: scores.video)

    def _originals(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Positions of the frames to keep in sorted columns; refuses copies that are not a distributed sampler's."""
        video_id, frame_index, rank = columns["video_id"], columns["frame_index"], columns["rank"]
        repeats = np.zeros(len(rank), dtype=bool)
        repeats[1:] = (video_id[1:] == video_id[:-1]) & (frame_index[1:] == frame_index[:-1])
        same_rank = repeats.copy()
        same_rank[1:] &= rank[1:] == rank[:-1]
        if same_rank.any():
            at = int(np.argmax(same_rank))
            raise DataError(
                f"video {self.video_names[video_id[at]]!r}: frame {frame_index[at]} came twice on rank {rank[at]}; "
                "give each frame once, or reset the metric between two passes",
                name="duplicate_frame_index",
            )
        original = np.flatnonzero(~repeats)
        first = original[np.cumsum(~repeats) - 1]
        agree = np.isclose(columns["raw"], columns["raw"][first], rtol=COPIES_AGREE_WITHIN, atol=0, equal_nan=True) & (
            columns["label"] == columns["label"][first]
        )
        if not agree.all():
            at = int(np.argmin(agree))
            raise DataError(
                f"video {self.video_names[video_id[at]]!r}: frame {frame_index[at]} has the score "
                f"{columns['raw'][first[at]]} and label {columns['label'][first[at]]} on rank {rank[first[at]]}, "
                f"but {columns['raw'][at]} and {columns['label'][at]} on rank {rank[at]}; "
                "make scores a function of seed, video and frame alone",
                name="copies_differ",
            )
        return original


def _rank() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0
