"""Boxes of anomalies in a frame, from its map of tokens."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from ..core import Detection

NEIGHBORS = np.ones((3, 3), dtype=bool)
"""Tokens that touch at a side or a corner belong together."""


def detections(
    token_map: Float[np.ndarray, "rows columns"], threshold: float, size: tuple[int, int], frame: int
) -> list[Detection]:
    """A detection for each 8-connected group of tokens above `threshold`; its score is the highest of its tokens.

    size: (height, width) of the frame in pixels, in which the boxes are. The frame that the network saw is the whole
    frame resized, so token (row, column) covers rows row / rows to (row + 1) / rows of the height, and so in width.
    """
    groups, number = ndimage.label(token_map > threshold, structure=NEIGHBORS)
    peaks = ndimage.maximum(token_map, groups, range(1, number + 1))
    height, width = (side / tokens for side, tokens in zip(size, token_map.shape, strict=True))
    return [
        Detection(
            frame, (columns.start * width, rows.start * height, columns.stop * width, rows.stop * height), float(peak)
        )
        for (rows, columns), peak in zip(ndimage.find_objects(groups), peaks, strict=True)
    ]
