"""What a shaking camera costs: python shake.py --config CONFIG --weights RUN [options of test]

Every frame of the test videos, at the size of the model, is moved by up to 0, 1, 2, 4 pixels in each direction, drawn
anew for each frame, with its edge repeated; then `test`. Prints micro and macro AUC, smoothed and not, and pixel AUC at
rest (masks do not shake).
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from aed_lightning.cli.trained import TrainedRun
from aed_lightning.core import generator
from aed_lightning.core.clip import Clip, PastePlan
from aed_lightning.data.clips import ClipDataset, ClipKey


class Shaking:
    """Stands for `ClipDataset.clip`: the same clip, each of its frames moved by up to `pixels`."""

    usual = ClipDataset.clip

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels

    def __call__(self, clips: ClipDataset, key: ClipKey, pasted: PastePlan) -> Clip:
        clip = Shaking.usual(clips, key, pasted)
        view, instants = clips._find(key)
        moved = [self._moved(frame, view.row.name, at) for frame, at in zip(clip.frames, instants, strict=True)]
        return replace(clip, frames=np.stack(moved))

    def _moved(self, frame: np.ndarray, video: str, instant: int) -> np.ndarray:
        most = self._pixels
        down, right = generator(0, "shake", video, instant).integers(-most, most + 1, size=2)
        height, width = frame.shape[1:]
        padded = np.pad(frame, ((0, 0), (most, most), (most, most)), mode="edge")
        return padded[:, most + down : most + down + height, most + right : most + right + width]


def main() -> None:
    print("| pixels | micro AUC | macro AUC | not smoothed, micro | macro | pixel AUC |\n|---|---|---|---|---|---|")
    for pixels in (0, 1, 2, 4):
        shaking = Shaking(pixels)
        ClipDataset.clip = lambda *given, moved=shaking: moved(*given)  # type: ignore[method-assign]
        with tempfile.TemporaryDirectory() as folder:
            trained = TrainedRun(
                [*sys.argv[1:], f"--run_dir={Path(folder) / 'run'}"], "test", lambda data, _: data.test_rows()
            )
            trained.trainer.test(trained.stage, trained.cli.datamodule, verbose=False)
            figures = trained.evaluation.figures
        values = [figures[kind][which] for kind in ("standard", "raw") for which in ("micro_auc", "macro_auc")]
        places = figures.get("localization", {}).get("pixels", {})
        cells = [f"{value:.3f}" for value in values] + [f"{places['pixel_auc']:.3f}" if places and not pixels else ""]
        print(f"| {pixels} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
