"""Clips out of the store: bytes only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

from ..anomalies.pasting import EventPasting, Instants, Pasting
from ..core import generator
from ..core.clip import Clip, PastePlan
from .store import Store, VideoRow


class ClipKey(NamedTuple):
    """Which clip, and in which epoch: what is pasted and hidden depends on both."""

    number: int
    epoch: int


@dataclass(frozen=True)
class Mirroring:
    """Mirrors `percentage` percent of the clips, others in every epoch; a function of (seed, video, frame, epoch)."""

    percentage: float
    seed: int

    def __call__(self, video: str, middle: int, epoch: int) -> bool:
        return 100 * float(generator(self.seed, "mirror", video, middle, epoch).random()) < self.percentage


@dataclass(frozen=True)
class View:
    """A video of the store as clips: as it is, or with pasted anomalies that also decide its labels.

    mirroring: which of its clips are mirrored, or none of them.
    """

    name: str
    row: VideoRow
    pasting: Pasting | None = None
    labels_from_pasting: bool = False
    mirroring: Mirroring | None = None


class ClipDataset(Dataset[Clip]):
    """Every frame of every view, each as the middle of a clip.

    offset: frames between the three frames of a clip. A neighbor that does not exist is replaced by the middle frame.
    """

    def __init__(self, store: Store, views: Sequence[View], offset: int) -> None:
        self.store, self.views, self.offset = store, list(views), offset
        self._ends = np.cumsum([view.row.frames for view in self.views])
        self._labels = {view.name: store.labels(view.row) for view in self.views}

    @property
    def video_names(self) -> list[str]:
        """Names of the views, in order; what `Clip.video` can be."""
        return [view.name for view in self.views]

    def kinds(self, video: str) -> list[str] | None:
        """The kind of anomaly in each frame of a view, "" for none; or none where the labels name no kinds.

        Of a view with pasted events the grades of the events, also in frames where nothing of the object shows.
        """
        view = next(view for view in self.views if view.name == video)
        if isinstance(view.pasting, EventPasting):
            return view.pasting.grades(view.row.name, view.row.frames)
        return [""] * view.row.frames if view.labels_from_pasting else self.store.kinds(view.row)

    def clip_of(self, video: str, frame: int) -> Clip:
        """The clip around frame `frame` of a view, as evaluation sees it."""
        number = self.video_names.index(video)
        return self[ClipKey(self._first(number) + frame, 0)]

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.views else 0

    def __getitem__(self, key: ClipKey) -> Clip:
        return self.clip(key, self.plan(key))

    def plan(self, key: ClipKey) -> PastePlan:
        """What is pasted into a clip. Meanwhile the system fetches the pixels that `clip` will ask for."""
        view, instants = self._find(key)
        self.store.fetch(view.row, instants)
        return view.pasting.plan(view.row.name, instants, key.epoch) if view.pasting else PastePlan()

    def clip(self, key: ClipKey, pasted: PastePlan) -> Clip:
        """The clip into which `pasted` is to be pasted."""
        view, instants = self._find(key)
        middle = instants[1]
        labels = self._labels[view.name]
        if view.labels_from_pasting:
            label = int(pasted.anomaly is not None and bool((pasted.anomaly[1].alpha > 127).any()))
        else:
            label = -1 if labels is None else int(labels[middle])
        return Clip(
            frames=self.store.frames(view.row)[list(instants)],
            motion=self.store.motion(view.row)[middle],
            video=view.name,
            frame_index=middle,
            epoch=key.epoch,
            label=label,
            pasted=pasted,
            mirrored=view.mirroring is not None and view.mirroring(view.row.name, middle, key.epoch),
        )

    def _find(self, key: ClipKey) -> tuple[View, Instants]:
        number = int(np.searchsorted(self._ends, key.number, side="right"))
        view = self.views[number]
        return view, self._instants(key.number - self._first(number), view.row.frames)

    def _first(self, number: int) -> int:
        """The clips before those of view `number`."""
        return int(self._ends[number - 1]) if number else 0

    def _instants(self, middle: int, frames: int) -> Instants:
        before, after = middle - self.offset, middle + self.offset
        return (before if before >= 0 else middle, middle, after if after < frames else middle)
