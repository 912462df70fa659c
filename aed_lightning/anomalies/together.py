"""Two objects as one: their sprites, one blended over the other."""

from dataclasses import dataclass, replace

import numpy as np

from aed_lightning.core.clip import Sprite

from .source import MovingObject


@dataclass(frozen=True)
class Together:
    """Two objects as one, `front` before `back`; see `MovingObject` for its promises. grade: as a source's own."""

    back: MovingObject
    front: MovingObject
    grade: str

    def sprite(self, offset: float | int) -> Sprite:
        """Both, `offset` frames from their reference moment, cut to the frame."""
        return _over(self.front.sprite(offset), self.back.sprite(offset))


def _over(front: Sprite, back: Sprite) -> Sprite:
    """Both in one: `front` blended over `back`."""
    if front.alpha.size == 0 or back.alpha.size == 0:
        return back if front.alpha.size == 0 else front
    top, left = min(front.top, back.top), min(front.left, back.left)
    bottom, right = (max(one.stop, other.stop) for one, other in zip(front.box, back.box, strict=True))
    image = np.zeros((len(front.image), bottom - top, right - left), np.float32)
    alpha = np.zeros((bottom - top, right - left), np.float32)
    for sprite in (back, front):
        box = replace(sprite, top=sprite.top - top, left=sprite.left - left).box
        share = sprite.alpha.astype(np.float32) / 255
        below = alpha[box] * (1 - share)
        alpha[box] = share + below
        # Where nothing shows any color will do.
        weight = np.divide(share, alpha[box], out=np.ones_like(share), where=alpha[box] > 0)
        image[:, *box] += weight * (sprite.image - image[:, *box])
    return Sprite(np.rint(image).astype(np.uint8), np.rint(255 * alpha).astype(np.uint8), top, left)
