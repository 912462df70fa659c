"""Draw docs/pictures/score.jpg: an overlay's frame above the time line, of a scored video of the toy benchmark.

python -m aed_lightning score --weights runs/demo --source data/toy/test/test_09.mp4 --out scored
python docs/pictures/score.py scored 60
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from aed_lightning.data.readers import open_video

WIDTH = 960


def main(scored: Path, frame: int) -> None:
    overlay = next(rgb for index, rgb in enumerate(open_video(scored / "overlay.mp4").frames()) if index == frame)
    parts = []
    for image in (np.ascontiguousarray(overlay[:, :, ::-1]), cv2.imread(str(scored / "timeline.png"))):
        height = round(image.shape[0] * WIDTH / image.shape[1])
        parts.append(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(Path(__file__).with_name("score.jpg")), np.vstack(parts), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
