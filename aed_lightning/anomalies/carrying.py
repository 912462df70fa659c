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

    size: of the thing, its longer side in heights of the object. Lower half or middle of the object, before it or
    behind. people: cuts them; its changes are not used. Raises UsageError.
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
        carried = replace(
            thing,
            center=(x + width * generator.uniform(-0.5, 0.5), y + height * generator.uniform(0.0, 0.4)),
            pixels=height * generator.uniform(*self.size) / (2 * max(thing.bounds.half_size)),
            motion=Motion(carrier.velocity),
        )
        front, back = (carried, carrier) if generator.random() < 0.5 else (carrier, carried)
        return Together(back, front)


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
