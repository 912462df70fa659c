"""How well anomaly maps agree with pixel masks: pixel AUC, and the 40 % criterion of UCSD."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from aed_lightning.core import DataError

from .ranking import area_under_roc

EXACT_UP_TO = 10**8
"""Pixels that are kept and sorted (4 bytes each for float32 maps); beyond it only a histogram is."""

BINS = 65_536
SAMPLE = 2**22
"""Pixels from which the edges of the bins are taken."""


class PixelAUC:
    """Takes in the map and mask of one frame after the other.

    exact_up_to: pixels up to which the area is exact.
    """

    def __init__(self, exact_up_to: int = EXACT_UP_TO) -> None:
        self._exact_up_to = exact_up_to
        self._kept: dict[bool, list[np.ndarray]] = {False: [], True: []}
        self._edges: np.ndarray | None = None
        self._counts = {anomalous: np.zeros(BINS + 1, dtype=np.int64) for anomalous in (False, True)}
        self._pixels = {False: 0, True: 0}
        self._frame_scores: list[float] = []
        self._frame_labels: list[bool] = []

    def update(
        self, anomaly_map: Float[np.ndarray, "map_height map_width"], mask: Bool[np.ndarray, "height width"]
    ) -> None:
        """Take in one frame, normal ones too. A map of another size is brought to the mask's, bilinearly about
        half-pixel centers. Raises DataError `nan_score` or `inf_score`.
        """
        _refuse_unordered(anomaly_map, frame=len(self._frame_scores))
        if anomaly_map.shape != mask.shape:
            anomaly_map = _resized(anomaly_map, mask.shape)
        self._frame_scores.append(_frame_score(anomaly_map, mask))
        self._frame_labels.append(bool(mask.any()))
        for anomalous in (False, True):
            pixels = anomaly_map[mask == anomalous]
            self._pixels[anomalous] += pixels.size
            if self._edges is None:
                self._kept[anomalous].append(pixels)
            else:
                self._counts[anomalous] += self._histogram(pixels)
        if self._edges is None and sum(self._pixels.values()) > self._exact_up_to:
            self._start_binning()

    def compute(self) -> dict[str, Any]:
        """Figures of all frames so far, ready for JSON.

        pixel_auc: of all pixels against the masks; the true value lies within pixel_auc_error of it (0: exact).
        pixel_auc_40: over frames; a frame with a mask counts as found where 40 % of its mask is above the threshold, a
        normal one as a false alarm where any pixel is; none where all frames are of one kind. pixels, frames.
        Raises DataError `single_class` where all pixels are normal or all are anomalous.
        """
        if not all(self._pixels.values()):
            raise DataError(
                f"{self._pixels[True]} of {sum(self._pixels.values())} pixels are anomalous, so there is no ROC; "
                "give frames with and without a mask",
                name="single_class",
            )
        area, error = (self._exact_area(), 0.0) if self._edges is None else self._binned_area()
        labels = np.array(self._frame_labels)
        both = labels.any() and not labels.all()
        return {
            "pixel_auc": area,
            "pixel_auc_error": error,
            "pixel_auc_40": area_under_roc(np.array(self._frame_scores), labels) if both else None,
            "pixels": sum(self._pixels.values()),
            "frames": len(labels),
        }

    def _exact_area(self) -> float:
        # Sorted by class: less memory than one ranking of all pixels, and the same number.
        normal = np.sort(np.concatenate(self._kept[False]))
        doubled_wins = 0
        for anomalous in map(np.sort, self._kept[True]):
            doubled_wins += int(np.searchsorted(normal, anomalous, side="left").sum())
            doubled_wins += int(np.searchsorted(normal, anomalous, side="right").sum())
        return doubled_wins / (2 * self._pixels[False] * self._pixels[True])

    def _start_binning(self) -> None:
        kept = [pixels for parts in self._kept.values() for pixels in parts]
        step = 1 + sum(pixels.size for pixels in kept) // SAMPLE
        sample = np.concatenate([pixels[::step] for pixels in kept])
        self._edges = np.unique(np.quantile(sample, np.linspace(0, 1, BINS)))
        for anomalous, parts in self._kept.items():
            for pixels in parts:
                self._counts[anomalous] += self._histogram(pixels)
            parts.clear()

    def _histogram(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels from each edge up to the next: sorting the pixels is quicker than to look up the bin of each."""
        assert self._edges is not None
        below = np.searchsorted(np.sort(pixels), self._edges, side="left")
        counts = np.zeros(BINS + 1, dtype=np.int64)
        counts[: len(below) + 1] = np.diff(below, prepend=0, append=pixels.size)
        return counts

    def _binned_area(self) -> tuple[float, float]:
        """The middle of the areas that the bins allow, and half their width: within a bin any order is possible."""
        # Python's integers: products of pixel counts do not fit in 64 bits.
        normal, anomalous = (self._counts[kind].astype(object) for kind in (False, True))
        surely_won = int(anomalous @ (np.cumsum(normal) - normal))
        undecided = int(anomalous @ normal)
        pairs = self._pixels[False] * self._pixels[True]
        return (2 * surely_won + undecided) / (2 * pairs), undecided / (2 * pairs)


def _resized(anomaly_map: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    pixels = torch.from_numpy(np.ascontiguousarray(anomaly_map))[None, None]
    return torch.nn.functional.interpolate(pixels, size, mode="bilinear", align_corners=False)[0, 0].numpy()


def _frame_score(anomaly_map: np.ndarray, mask: np.ndarray) -> float:
    """The highest threshold at which the frame counts under the 40 % criterion."""
    inside = anomaly_map[mask]
    if inside.size == 0:
        return float(anomaly_map.max())
    needed = -(-2 * inside.size // 5)
    return float(np.partition(inside, -needed)[-needed])


def _refuse_unordered(anomaly_map: np.ndarray, frame: int) -> None:
    for name, bad in (("nan_score", np.isnan(anomaly_map)), ("inf_score", np.isinf(anomaly_map))):
        if bad.any():
            raise DataError(
                f"the map of frame number {frame} has {int(bad.sum())} pixels that are {name[:3]}; "
                "mend what computes the maps",
                name=name,
            )
