"""Normal objects with a drawn thing: wrong in shape alone, at a normal place, size and pace, as a slow cyclist is."""

from dataclasses import dataclass, replace

import numpy as np

from aed_lightning.core import UsageError
from aed_lightning.core.clip import Sprite

from .drawing import Range
from .moving_object import ProceduralObject
from .procedural import ProceduralTraining, ProceduralValidation
from .self_cut import CutObject, SelfCut
from .source import MovingObject
from .trajectories import Motion

_TRIES, _LEAST_SHOWN = 8, 0.2
"""How often a place for the thing is drawn until so much of it shows, as a share of the object's visible pixels.

A thing that nobody sees would teach that its carrier is wrong.
"""


@dataclass(frozen=True)
class Together:
    """Two objects that move as one, `front` before `back`; see `MovingObject` for its promises."""

    back: MovingObject
    front: MovingObject
    grade: str = "carrying"

    def sprite(self, offset: float | int) -> Sprite:
        """Both, `offset` frames from their reference moment, cut to the frame."""
        return _over(self.front.sprite(offset), self.back.sprite(offset))


class Carrying:
    """Objects of `people`, as they were cut, each with a thing of `things` that moves with it.

    size: of the thing, its longer side in heights of the object. It is about the lower half or middle of the object,
    before it or behind, and shows. people: cuts them; its changes are not used. Raises UsageError.
    """

    def __init__(
        self, people: SelfCut, things: ProceduralTraining | ProceduralValidation, size: Range = (0.4, 1.2)
    ) -> None:
        if not 0 < size[0] < size[1]:
            raise UsageError(f"size is {size}; give two ascending numbers above 0")
        self.people, self.things, self.size = people, things, size

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object and its thing. Raises UsageError where `people` has no bank."""
        carrier = self.people.draw_decoy(generator, frame_size, channels)
        thing = self.things.draw(generator, frame_size, channels)
        assert isinstance(carrier, CutObject)
        assert isinstance(thing, ProceduralObject)
        height, width = (float(extent) for extent in carrier.bank.cutout(carrier.track, carrier.position).alpha.shape)
        x, y = carrier.center
        pixels = height * generator.uniform(*self.size) / (2 * max(thing.bounds.half_size))
        carried = replace(thing, center=carrier.center, pixels=pixels, motion=Motion(carrier.velocity))
        for _ in range(_TRIES):
            center = (x + width * generator.uniform(-0.5, 0.5), y + height * generator.uniform(0.0, 0.4))
            carried = replace(carried, center=center)
            together = Together(carrier, carried) if generator.random() < 0.5 else Together(carried, carrier)
            if _shown(carried, together.front) >= _LEAST_SHOWN * _shown(carrier, carrier):
                return together
        return Together(carrier, replace(carried, center=carrier.center))


def _shown(what: MovingObject, front: MovingObject) -> int:
    """Pixels of `what` at the reference moment that are in the frame and not behind `front`."""
    sprite = what.sprite(0)
    solid = sprite.alpha > 127
    if front is not what:
        cover = front.sprite(0)
        bottom, right = (max(one, other) for one, other in zip(_end(sprite), _end(cover), strict=True))
        covered = np.zeros((bottom, right), bool)
        covered[_box(cover)] = cover.alpha > 127
        solid &= ~covered[_box(sprite)]
    return int(solid.sum())


def _end(sprite: Sprite) -> tuple[int, int]:
    height, width = sprite.alpha.shape
    return sprite.top + height, sprite.left + width


def _box(sprite: Sprite) -> tuple[slice, slice]:
    bottom, right = _end(sprite)
    return slice(sprite.top, bottom), slice(sprite.left, right)


def _over(front: Sprite, back: Sprite) -> Sprite:
    """Both in one: `front` blended over `back`."""
    if front.alpha.size == 0 or back.alpha.size == 0:
        return back if front.alpha.size == 0 else front
    top, left = min(front.top, back.top), min(front.left, back.left)
    height = max(sprite.top + sprite.alpha.shape[0] for sprite in (front, back)) - top
    width = max(sprite.left + sprite.alpha.shape[1] for sprite in (front, back)) - left
    image = np.zeros((len(front.image), height, width), np.float32)
    alpha = np.zeros((height, width), np.float32)
    for sprite in (back, front):
        box = tuple(
            slice(start - first, start - first + extent)
            for start, first, extent in zip((sprite.top, sprite.left), (top, left), sprite.alpha.shape, strict=True)
        )
        share = sprite.alpha.astype(np.float32) / 255
        below = alpha[box] * (1 - share)
        alpha[box] = share + below
        # Where nothing shows any color will do.
        weight = np.divide(share, alpha[box], out=np.ones_like(share), where=alpha[box] > 0)
        image[:, *box] += weight * (sprite.image - image[:, *box])
    return Sprite(np.rint(image).astype(np.uint8), np.rint(255 * alpha).astype(np.uint8), top, left)
