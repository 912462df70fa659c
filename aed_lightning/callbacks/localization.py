"""Where anomalies are found: boxes and pixels of the test videos, from their maps as they come."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ..core import DataError, Detection, VideoAnnotations, VideoRegions, write_text
from ..metrics import PixelAUC, evaluate_regions
from ..scoring.boxes import detections


class Localization:
    """Takes the maps of one pass over the test videos, each video's frames together; keeps boxes and counts of pixels.

    videos: every test video. threshold: tokens above it make boxes, or none: no boxes.
    """

    def __init__(self, videos: Sequence[VideoAnnotations], threshold: float | None) -> None:
        self.threshold = threshold
        self._videos = {video.video: video for video in videos}
        self._detected: dict[str, list[Detection]] = {name: [] for name in self._videos}
        self._pixels = PixelAUC()
        self._video = ""
        self._mask: Callable[[int], Bool[np.ndarray, "height width"]] | None = None

    def add(self, video: str, frame_index: Sequence[int], maps: Float[np.ndarray, "frames rows columns"]) -> None:
        """Take in the maps of some frames of a video. Raises DataError for a mask that cannot be read."""
        of_video = self._videos[video]
        if video != self._video:
            # Masks of one video at a time: some formats are read whole.
            self._video, self._mask = video, of_video.masks() if of_video.masks else None
        for frame, token_map in zip(frame_index, maps, strict=True):
            if self.threshold is not None:
                self._detected[video] += detections(token_map, self.threshold, of_video.size, frame)
            if self._mask is not None:
                self._pixels.update(token_map, self._mask(frame))

    def figures(self) -> dict[str, Any]:
        """`localization` of metrics.json; empty where the data set has neither tracks nor masks.

        Raises DataError for tracks that cannot be read.
        """
        found: dict[str, Any] = {}
        regions = {name: video.regions() for name, video in self._videos.items()}
        if self.threshold is not None and any(regions.values()):
            known = [
                VideoRegions(name, self._videos[name].frames, annotated, self._detected[name])
                for name, annotated in regions.items()
                if annotated is not None
            ]
            without = sorted(name for name, annotated in regions.items() if annotated is None)
            found["regions"] = {**evaluate_regions(known), "skipped_videos": without}
        if any(video.masks for video in self._videos.values()):
            without = sorted(name for name, video in self._videos.items() if video.masks is None)
            found["pixels"] = {**self._pixel_figures(), "skipped_videos": without}
        return {"threshold": self.threshold, **found} if found else {}

    def write(self, folder: Path) -> None:
        """Write `VIDEO.csv` of the boxes of each video, numbers in full."""
        if self.threshold is None:
            return
        for name, places in self._detected.items():
            rows = (",".join(map(repr, (place.frame, *place.box, place.score))) for place in places)
            write_text(folder / f"{name}.csv", "".join(f"{row}\n" for row in ("frame,x0,y0,x1,y1,score", *rows)))

    def _pixel_figures(self) -> dict[str, Any]:
        try:
            return self._pixels.compute()
        except DataError as error:
            if error.name != "single_class":
                raise
            return {"pixel_auc": None, "note": str(error)}
