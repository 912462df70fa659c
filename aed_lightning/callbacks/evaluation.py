"""Frame AUC during training and at its end, with the files that other programs read."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as L
import numpy as np

from ..core import FrameScores, RunPaths, UsageError, VideoAnnotations, atomic_path, write_json
from ..core.clip import Batch, Clips
from ..metrics import bootstrap_intervals, detection_delay, evaluate, smoothed_scores
from ..scoring.calibration import Calibration
from ..scoring.maps import predicted_map
from ..scoring.rules import FrameValues
from ..scoring.smoothing import Smoothing
from ..stages.stage import Stage
from .collecting import TRIVIAL, FrameCollector
from .localization import Localization
from .pictures import FrameAndMap, write_pictures


class Evaluation(L.Callback):
    """Logs `val/…` and `test/…`, writes `scores/VIDEO.npz`, `metrics.json`, `pictures/` of the worst frames, and
    `regions/VIDEO.csv` where there are tracks or masks; what else is in these folders goes.

    Needs loaders whose data set has `video_names`, `kinds(video)` and `clip_of(video, frame)`, as the DataModule's
    have.
    record: what metrics.json says of the run beside the figures (dataset, epoch, seed, command, …).
    annotations: gives frame rate, tracks and masks of every test video; asked for at the start of a test. Boxes and
    pixels are looked at on one process only.
    calibrations: "causal" and "map", whose levels on normal video are the thresholds of alarms and of boxes; without
    them there are no such figures.
    validated: scores of the views of the last validation. map_peaks: of the same frames, the highest tokens.
    """

    def __init__(
        self,
        smoothing: Smoothing,
        paths: RunPaths,
        record: Mapping[str, Any],
        annotations: Callable[[], Sequence[VideoAnnotations]] | None = None,
    ) -> None:
        self.smoothing, self.paths, self.record = smoothing, paths, dict(record)
        self.annotations = annotations
        self.calibrations: Mapping[str, Calibration] = {}
        self.figures: dict[str, Any] = {}
        self.validated: list[FrameScores] = []
        self.map_peaks: list[FrameScores] = []
        self._annotations: Sequence[VideoAnnotations] = ()
        self._localization: Localization | None = None
        self._collector: FrameCollector | None = None
        self._dataset: Any = None
        self._started = 0.0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, Stage)
        if pl_module.rule.reach and trainer.world_size > 1:
            raise UsageError(f"scoring rule {pl_module.rule.name!r} filters over time: evaluate it on one process")

    # validation

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._start(pl_module, trainer.val_dataloaders)

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._add(batch, outputs)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        videos = self._videos("model")
        self.validated, self.map_peaks = videos, self._videos("map")
        figures = evaluate(self._with_kinds(videos), sigma_frames=self.smoothing.sigma)
        for grade, found in figures.get("per_kind", {}).items():
            pl_module.log(f"val/{grade}_auc", found["auc"], sync_dist=True)
        pl_module.log("val/micro_auc", figures["micro_auc"], prog_bar=True, sync_dist=True)
        if figures["macro_auc"] is not None:
            pl_module.log("val/macro_auc", figures["macro_auc"], sync_dist=True)
        # One name from the first epoch of the teacher to the last of the student: for sweeps.
        pl_module.log("val/score", figures["micro_auc"], sync_dist=True)

    # test

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._annotations = self.annotations() if self.annotations else ()
        self._localization = None
        if self._annotations and trainer.world_size == 1:
            levels = self.calibrations.get("map")
            self._localization = Localization(self._annotations, levels.median if levels else None)
        elif self._annotations:
            trainer.print("boxes and pixels are evaluated on one process only: localization is left out")
        self._start(pl_module, trainer.test_dataloaders, self._localization)

    def on_test_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._add(batch, outputs)

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Stage)
        videos = smoothed_scores(self._videos("model"), self.smoothing.sigma)
        localization = self._localization.figures() if self._localization else {}
        self.figures = {
            "version": 1,
            **self.record,
            "split": "test",
            "stage": pl_module.name,
            "rule": pl_module.rule.name,
            "rule_parameters": dataclasses.asdict(pl_module.rule),
            **self._figures(videos),
            **({"localization": localization} if localization else {}),
            **self._delay(videos),
            "seconds": round(time.perf_counter() - self._started, 1),
        }
        pl_module.log("test/micro_auc", self.figures["standard"]["micro_auc"], sync_dist=True)
        pl_module.log("test/official_micro_auc", self.figures["official"]["micro_auc"], sync_dist=True)
        if trainer.is_global_zero:
            self.paths.metrics.unlink(missing_ok=True)
            self._write_scores(videos)
            for old in self.paths.regions.glob("*.csv"):
                old.unlink()
            if self._localization and localization:
                self._localization.write(self.paths.regions)
            write_pictures(self.paths.pictures, videos, lambda video, frame: self._seen(trainer, video, frame))
            write_json(self.paths.metrics, self.figures)  # last: where it is, a run is done

    # prediction: scores without figures

    def on_predict_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._start(pl_module, trainer.predict_dataloaders)

    def on_predict_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._add(batch, outputs)

    def on_predict_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        videos = smoothed_scores(self._videos("model"), self.smoothing.sigma)
        if trainer.is_global_zero:
            self._write_scores(videos)

    def _start(self, pl_module: L.LightningModule, loader: Any, localization: Localization | None = None) -> None:
        assert isinstance(pl_module, Stage)
        self._dataset = loader.dataset
        names = self._dataset.video_names
        self._collector = FrameCollector(pl_module.rule, names, pl_module.device, localization)
        self._started = time.perf_counter()

    def _add(self, batch: Batch, found: FrameValues) -> None:
        assert self._collector is not None
        self._collector.add(batch, found)

    def _videos(self, score: str) -> list[FrameScores]:
        assert self._collector is not None
        self._collector.finish()
        return self._collector.metrics[score].videos()

    def _figures(self, videos: list[FrameScores]) -> dict[str, Any]:
        """Everything that metrics.json says of the scores."""
        sigma = self.smoothing.sigma
        standard = evaluate(self._with_kinds(videos), sigma_frames=sigma)
        official = evaluate(videos, "official", **self.smoothing.official())
        per_video = standard.pop("per_video_auc")
        official.pop("per_video_auc_padded")
        return {
            "smoothing": {"sigma": sigma},
            "videos": len(videos),
            "frames": sum(len(video.raw) for video in videos),
            "per_kind": standard.pop("per_kind", {}),
            "standard": standard,
            "intervals": bootstrap_intervals(videos, sigma_frames=sigma),
            "official": official,
            "causal": _aucs(evaluate(videos, sigma_frames=sigma, causal=True)),
            "raw": _aucs(evaluate(videos, sigma_frames=0.0)),
            "trivial": {name: _aucs(evaluate(self._videos(name), sigma_frames=sigma)) for name in TRIVIAL},
            "per_video": [
                {
                    "video": video.video,
                    "frames": len(video.raw),
                    "anomalous": int(np.sum(video.label)) if video.label is not None else None,
                    "auc": per_video.get(video.video),
                }
                for video in videos
            ],
        }

    def _delay(self, videos: list[FrameScores]) -> dict[str, Any]:
        """Delay of the events at the threshold that `score` takes unless told otherwise; none without a calibration."""
        levels = self.calibrations.get("causal")
        if levels is None:
            return {}
        rates = {video.video: video.fps for video in self._annotations}
        known = {name: fps for name, fps in rates.items() if fps is not None}
        fps = known if known and len(known) == len(rates) else None
        threshold = levels.at_alarms_per_hour(0.0)
        return {"delay": detection_delay(videos, threshold, sigma_frames=self.smoothing.sigma, fps=fps)}

    def _with_kinds(self, videos: list[FrameScores]) -> list[FrameScores]:
        """The same scores with the kind of each anomalous frame, if the labels of all videos name kinds.

        The object of a pasted event can be out of sight: then the label is 0 and the kind is left out.
        """
        named = []
        for video in videos:
            kinds = self._dataset.kinds(video.video)
            if kinds is None or video.label is None:
                return videos
            of_frames = [
                kinds[frame] if label else "" for frame, label in zip(video.frame_index, video.label, strict=True)
            ]
            named.append(FrameScores(video.video, video.frame_index, video.raw, label=video.label, kinds=of_frames))
        return named

    def _seen(self, trainer: L.Trainer, video: str, frame: int) -> FrameAndMap:
        """A frame and its anomaly map, computed anew: the ids give the same mask, and maps of all frames are large."""
        stage = trainer.lightning_module
        assert isinstance(stage, Stage)
        batch: Batch = trainer.strategy.batch_to_device(Clips.stack([self._dataset.clip_of(video, frame)]))
        with trainer.precision_plugin.test_step_context():
            reconstruction = stage.reconstruct_to_score(batch, with_student=False)
        grid = predicted_map(reconstruction)[0].unflatten(0, (stage.network.rows, -1))
        return batch.inputs[0, 3:6].float().cpu().numpy(), grid.cpu().numpy()

    def _write_scores(self, videos: list[FrameScores]) -> None:
        there = {f"{video.video}.npz" for video in videos}
        for earlier in self.paths.scores.glob("*.npz"):
            if earlier.name not in there:  # of a video that is no more
                earlier.unlink()
        for video in videos:
            assert video.smoothed is not None
            columns = {"frame_index": video.frame_index, "raw": video.raw, "smoothed": video.smoothed}
            if video.label is not None:
                columns["label"] = video.label
            with atomic_path(self.paths.scores / f"{video.video}.npz") as partial, partial.open("wb") as file:
                np.savez(file, allow_pickle=False, **columns)


def _aucs(figures: dict[str, Any]) -> dict[str, float | None]:
    return {key: figures[key] for key in ("micro_auc", "macro_auc")}
