"""The LightningDataModule: from a download to finished batches."""

from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as L

from ..anomalies import AnomalySource, ProceduralTraining, ProceduralValidation
from ..anomalies.mixed import decoys_of
from ..anomalies.pasting import EventPasting, RandomPasting
from ..core import DataError, UsageError, VideoAnnotations
from ..core.clip import Batch, Clips
from .annotate import annotated_videos
from .banks import Banks
from .clips import ClipDataset, Mirroring, View
from .finish import Finish
from .layouts import Layout, open_layout
from .prepare import PREPARE_WAIT_SECONDS, prepare, prepare_shard
from .progress import Progress
from .sampling import ClipBatches, ClipLoader, limited
from .shards import Shard
from .store import Store, VideoRow

EVENT_FRAMES = 36
"""Length of a pasted event of validation, and of the pause after it."""
NORMAL_FRAMES = 500
"""To measure what is normal on."""
PASTED = "+pasted"
"""Ends the name of a validation video into which anomalies were pasted, but for the number of the copy."""


class DataModule(L.LightningDataModule):
    """Clips of one data set.

    name: of the data set; gives `root` and `store` their defaults.
    layout: how the files lie, one of the names of docs/datasets.md ("folder": a user's own videos).
    root: folder of the download, only read; `data/NAME` unless given.
    store: folder of the prepared arrays; `data/stores/NAME-HEIGHTxWIDTH` unless given.
    frame_size: height and width at the model, pixels. cell: side of a cell of stored motion, pixels.
    channels: 1 or 3 colors in the store; what the layout says unless given. reader: "auto" or a reader's name.
    clip_offset: frames between the three frames of a clip.
    augmentation_percentage: share of training clips with a pasted anomaly, 0 to 100.
    decoy_percentage: share of the other training clips with a decoy: a normal object that the first `SelfCut` of
    `anomalies` cut out and pastes unchanged, so that being pasted is nothing abnormal.
    mirror_percentage: share of training clips in which left and right are exchanged: for scenes in which people walk
    both ways.
    pasted_objects: most objects in a training clip that has any; beside an anomaly may be others and, unless
    `decoy_percentage` is 0, decoys.
    anomalies: where training's pasted anomalies come from. validation_anomalies: where validation's come from; what it
    cuts out of normal video it cuts out of the held-out videos, and pastes decoys of between the events.
    holdout: number of training videos kept from training, for validation. validation_copies: how often each of them is
    seen with pasted events, others each time: a few events of a short video say little.
    motion_weights: true: tokens weigh by their motion in the losses, as the paper has it; false: all alike; a number:
    by so many powers of it.
    batch_size: clips a step on this process. workers: processes that load clips, 0 for none.
    patch_size: side of a token, pixels. seed: of order, pasting and events.
    """

    def __init__(
        self,
        name: str,
        layout: str = "folder",
        root: Path | None = None,
        store: Path | None = None,
        frame_size: tuple[int, int] = (320, 640),
        cell: int = 4,
        channels: Literal[1, 3] | None = None,
        reader: str = "auto",
        clip_offset: int = 3,
        augmentation_percentage: float = 25.0,
        decoy_percentage: float = 0.0,
        mirror_percentage: float = 0.0,
        pasted_objects: int = 1,
        anomalies: AnomalySource | None = None,
        validation_anomalies: AnomalySource | None = None,
        holdout: int = 2,
        validation_copies: int = 1,
        motion_weights: bool | float = True,
        batch_size: int = 32,
        workers: int = 0,
        patch_size: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for key, percentage in (
            ("augmentation_percentage", augmentation_percentage),
            ("decoy_percentage", decoy_percentage),
            ("mirror_percentage", mirror_percentage),
        ):
            if not 0 <= percentage <= 100:
                raise UsageError(f"data.{key} {percentage} is not between 0 and 100")
        for key, value, least in (
            ("cell", cell, 1),
            ("clip_offset", clip_offset, 0),
            ("holdout", holdout, 0),
            ("validation_copies", validation_copies, 1),
            ("pasted_objects", pasted_objects, 1),
            ("workers", workers, 0),
        ):
            if value < least:
                raise UsageError(f"data.{key} {value}: give {least} or more")
        if not 0 <= motion_weights <= 8:  # more would leave the range of float32
            raise UsageError(f"data.motion_weights {motion_weights}: give true, false, or a power from 0 to 8")
        if patch_size % cell:
            raise UsageError(
                f"model.patch_size {patch_size} is not a multiple of data.cell {cell}; choose a smaller cell"
            )
        self.name, self.layout_name, self.reader = name, layout, reader
        self.root = Path("data") / name if root is None else root
        own = "data/stores/{}-{}x{}".format(name, *frame_size)  # frames of two sizes do not drive each other out
        self.store_path = Path(own) if store is None else store
        self.frame_size, self.cell, self.channels = frame_size, cell, channels
        self.clip_offset, self.augmentation_percentage = clip_offset, augmentation_percentage
        self.anomalies, self.decoy_percentage = anomalies or ProceduralTraining(), decoy_percentage
        self.mirror_percentage, self.pasted_objects = mirror_percentage, pasted_objects
        if decoy_percentage and decoys_of(self.anomalies) is None:
            raise UsageError(
                f"data.decoy_percentage {decoy_percentage}: decoys are cut from normal video, and no source of "
                "data.anomalies does that; add SelfCut to it, or leave decoys out"
            )
        # A copy: each of the two is given objects of its own.
        self.validation_anomalies = deepcopy(validation_anomalies) or ProceduralValidation()
        self.holdout, self.validation_copies = holdout, validation_copies
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.finish = Finish(patch_size, cell, motion_weights)
        self._store: Store | None = None
        self._reading = ExitStack()
        """Keeps others from decoding into the store, for as long as there is this module."""
        self._training: ClipLoader | None = None
        self._place: dict[str, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reading": ExitStack()}  # a copy holds no lock

    def open_layout(self) -> Layout:
        """The data set's files; raises `DataError` where they are not as the layout says."""
        return open_layout(self.layout_name, self.root)

    def prepare_data(
        self,
        progress: Progress | None = None,
        workers: int = 1,
        wait_seconds: float = PREPARE_WAIT_SECONDS,
        merge: bool = False,
    ) -> None:
        """Bring the store up to date with the files, decoding `workers` videos at once; cheap when it is.

        wait_seconds: how long to wait for another process that does it. merge: refuse to decode, as what the shares
        have done must be all.
        """
        layout, how = self.open_layout(), self._stored_as()
        self._reading.close()  # prepared once more, it may decode; what it finds is looked at anew
        self._store = prepare(
            layout,
            self.root,
            self.store_path,
            progress=progress,
            workers=workers,
            wait_seconds=wait_seconds,
            merge=merge,
            reading=self._reading,
            **how,
        )

    def prepare_shard(self, shard: Shard, progress: Progress | None = None, workers: int = 1) -> list[VideoRow]:
        """Bring the videos of a share up to date; `prepare_data` makes the store when all shares are done."""
        how = self._stored_as()
        return prepare_shard(
            self.open_layout(), self.root, self.store_path, shard, progress=progress, workers=workers, **how
        )

    def _stored_as(self) -> dict[str, Any]:
        return {
            "frame_size": self.frame_size, "cell": self.cell, "reader": self.reader, "channels": self.channels,
        }  # fmt: skip

    @property
    def store(self) -> Store:
        """The prepared arrays."""
        if self._store is None:
            self._store = Store(self.store_path)
        return self._store

    def training_rows(self) -> tuple[list[VideoRow], list[VideoRow]]:
        """Training videos, split into those that train and those held out for validation.

        The held-out ones are spread evenly over the list, so that no recording session is missing altogether.
        """
        rows = self.store.videos("train")
        if self.holdout >= len(rows):
            raise DataError(
                f"{self.root}: {len(rows)} training videos, data.holdout {self.holdout} of them for validation; "
                "none would be left to train on: add videos or lower --data.holdout"
            )
        held = {(2 * number + 1) * len(rows) // (2 * self.holdout) for number in range(self.holdout)}
        return [row for n, row in enumerate(rows) if n not in held], [row for n, row in enumerate(rows) if n in held]

    def test_rows(self, *, labeled: bool = True) -> list[VideoRow]:
        """The test videos; refuses where one has no labels and `labeled` asks for them."""
        rows = self.store.videos("test")
        anomalous, frames = sum(row.anomalous_frames or 0 for row in rows), sum(row.frames for row in rows)
        missing = [row.name for row in rows if not row.labeled]
        if not rows:
            problem = "no test videos"
        elif labeled and missing:
            problem = f"no labels for {', '.join(missing)}"
        elif labeled and anomalous in (0, frames):
            problem = f"{anomalous} of {frames} test frames are anomalous, an AUC needs both classes"
        else:
            return rows
        raise DataError(
            f"{self.root}: {problem}; add test videos and labels (docs/datasets.md). "
            "`fit --evaluate false` trains without them"
        )

    def test_annotations(self) -> list[VideoAnnotations]:
        """The tracks and masks of the test videos, as far as the data set has any."""
        return annotated_videos(self.open_layout(), self.test_rows())

    def train_batches(self, processes: int = 1, limit: int | float | None = None) -> int:
        """Steps of one epoch that so many processes make together. limit: trainer.limit_train_batches."""
        clips = sum(row.frames for row in self.training_rows()[0])
        return limited(-(-(clips // processes) // self.batch_size), limit)

    def cut_objects(self, progress: Progress | None = None) -> None:
        """Give the sources of pasted anomalies the objects that they cut out of video; kept in the store.

        Training's come from the training videos, validation's from those held out, so that they share no object. Test
        videos are never cut. Raises DataError where nothing can be cut.
        """
        self._open_training_banks(progress)
        self._open_validation_banks(progress)

    def train_dataloader(self) -> ClipLoader:
        self._open_training_banks()
        pasting = RandomPasting(
            self.anomalies, self.augmentation_percentage, self.frame_size, self.store.channels, self.seed,
            decoys_of(self.anomalies) if self.decoy_percentage else None, self.decoy_percentage,
            self.pasted_objects,
        )  # fmt: skip
        mirroring = Mirroring(self.mirror_percentage, self.seed) if self.mirror_percentage else None
        views = [View(row.name, row, pasting, mirroring=mirroring) for row in self.training_rows()[0]]
        self._training = self._loader(views, shuffle=True)
        if self._place:
            self._training.load_state_dict(self._place)
            self._place = {}
        return self._training

    def val_dataloader(self) -> ClipLoader:
        """Each held-out video as it is, and `validation_copies` times with events of pasted anomalies."""
        self._open_validation_banks()
        views = []
        for row in self.training_rows()[1]:
            views.append(View(row.name, row, labels_from_pasting=True))
            # Short videos have short events, so that each video shows both classes.
            length = min(EVENT_FRAMES, max(1, row.frames // 3))
            for copy in range(self.validation_copies):
                own_seed = self.seed * self.validation_copies + copy  # no two seeds share events
                pasting = EventPasting(
                    self.validation_anomalies, self.frame_size, self.store.channels, own_seed, length,
                    decoys_of(self.validation_anomalies),
                )  # fmt: skip
                views.append(View(f"{row.name}{PASTED}{copy or ''}", row, pasting, labels_from_pasting=True))
        return self._loader(views)

    def normal_dataloader(self) -> ClipLoader:
        """About `NORMAL_FRAMES` frames of the training videos as they are, evenly spread; the same on every process."""
        dataset = ClipDataset(self.store, [View(row.name, row) for row in self.training_rows()[0]], self.clip_offset)
        every = -(-len(dataset) // NORMAL_FRAMES)
        return ClipLoader(dataset, ClipBatches(len(dataset), self.batch_size, shuffle=False, every=every))

    def test_dataloader(self) -> ClipLoader:
        return self._loader([View(row.name, row) for row in self.test_rows()])

    def predict_dataloader(self) -> ClipLoader:
        return self._loader([View(row.name, row) for row in self.test_rows(labeled=False)])

    def state_dict(self) -> dict[str, int]:
        """The place among the training clips, for the checkpoint.

        Lightning keeps the loader's own state too, but restores it in the middle of an epoch only.
        """
        return self._training.state_dict() if self._training else {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """The next training loader goes on at the place."""
        self._place = dict(state_dict)

    def on_after_batch_transfer(self, batch: Clips, dataloader_idx: int) -> Batch:
        """Floats begin here, on the device."""
        return self.finish(batch)

    def _open_training_banks(self, progress: Progress | None = None) -> None:
        if self.augmentation_percentage or self.decoy_percentage:
            Banks(self.store, lambda: self.training_rows()[0]).open(self.anomalies, progress)

    def _open_validation_banks(self, progress: Progress | None = None) -> None:
        if self.holdout:
            Banks(self.store, lambda: self.training_rows()[1]).open(self.validation_anomalies, progress)

    def _loader(self, views: list[View], shuffle: bool = False) -> ClipLoader:
        dataset = ClipDataset(self.store, views, self.clip_offset)
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        batches = ClipBatches(len(dataset), self.batch_size, shuffle=shuffle, seed=self.seed, rank=rank, ranks=ranks)
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        limit = limited(len(batches), self.trainer.limit_train_batches) if shuffle and self.trainer else None
        return ClipLoader(dataset, batches, workers=self.workers, pin_memory=on_gpu, limit=limit)
