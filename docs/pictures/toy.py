"""Draw docs/pictures/toy.jpg: one frame of each kind of anomaly of the toy benchmark, boxed.

python docs/pictures/toy.py data/toy
"""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np

from aed_lightning.data.readers import open_video
from aed_lightning.toy.schedule import KINDS

COLUMNS, BOX = 3, (40, 40, 220)


def easiest_frames(root: Path) -> dict[str, tuple[str, int, tuple[int, ...]]]:
    """Of each kind the video, frame and box in which it is largest."""
    found: dict[str, tuple[int, str, int, tuple[int, ...]]] = {}
    for path in sorted((root / "labels" / "tracks").glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                left, top, right, bottom = (round(float(row[name])) for name in ("x0", "y0", "x1", "y1"))
                whole = left > 4 and right < 315
                area = (right - left) * (bottom - top) * whole
                if area > found.get(row["kind"], (0,))[0]:
                    found[row["kind"]] = (area, path.stem, int(row["frame"]), (left, top, right, bottom))
    return {kind: entry[1:] for kind, entry in found.items()}


def main(root: Path) -> None:
    frames = easiest_frames(root)
    tiles = []
    for kind in KINDS:
        video, number, (left, top, right, bottom) = frames[kind]
        for index, rgb in enumerate(open_video(root / "test" / f"{video}.mp4").frames()):
            if index == number:
                tile = np.ascontiguousarray(rgb[:, :, ::-1])
                break
        cv2.rectangle(tile, (left - 2, top - 2), (right + 2, bottom + 2), BOX, 1)
        name = kind.replace("_", " ")
        (width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        cv2.rectangle(tile, (0, 158), (width + 12, 180), (0, 0, 0), cv2.FILLED)
        cv2.putText(tile, name, (6, 173), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    sheet = np.vstack([np.hstack(tiles[first : first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)])
    cv2.imwrite(str(Path(__file__).with_name("toy.jpg")), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
