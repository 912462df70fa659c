"""Normal objects with a drawn thing: wrong in shape alone, at a normal place and size, as a slow cyclist is."""

from dataclasses import replace

import numpy as np

from aed_lightning.core import UsageError

from .cycles import cycle
from .drawing import Range
from .moving_object import ProceduralObject
from .procedural import ProceduralTraining, ProceduralValidation
from .raster import measure
from .self_cut import CutObject, SelfCut
from .source import MovingObject
from .together import Together
from .trajectories import Motion

_TRIES = 8
"""How often a place for the thing is drawn until it shows, and a rider until one is alone."""

_ALONE = 0.75
"""Width of one person in heights, at most."""

_RIDING_SPEED: Range = (0.6, 2.5)
"""Times the speed that only one of the normal objects in twenty exceeds."""

_RIM: Range = (0.1, 0.35)
"""Thickness of what is left of a hollow thing, in half its width."""


class Carrying:
    """Objects of `people`, as they were cut, each with a thing of `things` that moves with it.

    size: of the thing, its longer side in heights of the object. It is about the lower half or middle of the object,
    before it or behind, and shows. hollow_share: of the things that are outlines only, as wheels and frames are.
    riding_share: of the objects that sit on a drawn cycle instead, with resting limbs, at 0.6 to 2.5 times the speed
    that only one object in twenty exceeds. people: cuts them; its changes are not used. Raises UsageError.
    """

    def __init__(
        self,
        people: SelfCut,
        things: ProceduralTraining | ProceduralValidation,
        size: Range = (0.4, 1.2),
        hollow_share: float = 0.5,
        riding_share: float = 0.0,
    ) -> None:
        if not 0 < size[0] < size[1]:
            raise UsageError(f"size is {size}; give two ascending numbers above 0")
        if not 0 <= hollow_share <= 1:
            raise UsageError(f"hollow_share is {hollow_share}; give a share from 0 to 1")
        if not 0 <= riding_share <= 1:
            raise UsageError(f"riding_share is {riding_share}; give a share from 0 to 1")
        self.people, self.things, self.size = people, things, size
        self.hollow_share, self.riding_share = hollow_share, riding_share

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> MovingObject:
        """An object and its thing. Raises UsageError where `people` has no bank."""
        riding = generator.random() < self.riding_share
        carrier = self._carrier(generator, frame_size, channels, alone=riding)
        thing = self.things.draw(generator, frame_size, channels)
        assert isinstance(thing, ProceduralObject)
        if riding:
            return _riding(generator, carrier, thing)
        if generator.random() < self.hollow_share:
            thing = replace(thing, figure=thing.figure.hollow(generator.uniform(*_RIM)))
        height, width = (float(extent) for extent in carrier.bank.cutout(carrier.track, carrier.position).alpha.shape)
        x, y = carrier.center
        pixels = height * generator.uniform(*self.size) / (2 * max(thing.bounds.half_size))
        carried = replace(thing, center=carrier.center, pixels=pixels, motion=Motion(carrier.velocity))
        for _ in range(_TRIES):
            center = (x + width * generator.uniform(-0.5, 0.5), y + height * generator.uniform(0.0, 0.4))
            carried = replace(carried, center=center)
            back, front = (carrier, carried) if generator.random() < 0.5 else (carried, carrier)
            together = Together(back, front, "carrying")
            if _shows(carried, together.front, carrier):
                return together
        return Together(carrier, replace(carried, center=carrier.center), "carrying")

    def _carrier(
        self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int, alone: bool
    ) -> CutObject:
        """A cut object; one person only if `alone`, where some tries find one."""
        for _ in range(_TRIES if alone else 1):
            carrier = self.people.draw_decoy(generator, frame_size, channels)
            if _is_one_person(carrier):
                break
        return carrier


def _is_one_person(people: CutObject) -> bool:
    """Whether it is rather one person than several side by side."""
    height, width = people.bank.cutout(people.track, people.position).alpha.shape
    return bool(width < _ALONE * height)


def _riding(generator: np.random.Generator, person: CutObject, thing: ProceduralObject) -> Together:
    """The person on a cycle in the look of `thing`, its wheels a little below the feet."""
    height = float(person.bank.cutout(person.track, person.position).alpha.shape[0])
    speed = height * person.bank.brisk * generator.uniform(*_RIDING_SPEED)
    ahead = 1.0 if person.velocity[0] > 0 or (person.velocity[0] == 0 and generator.random() < 0.5) else -1.0
    slope = generator.normal(0.0, 0.15)
    velocity = (ahead * speed * np.cos(slope), speed * np.sin(slope))
    figure = cycle(generator)
    bounds = measure(figure)[1]
    ground = height * (0.5 + generator.uniform(0.0, 0.15))
    x, y = person.center
    ridden = replace(
        thing,
        figure=figure,
        bounds=bounds,
        pixels=height,
        motion=Motion(velocity),
        center=(x + height * generator.uniform(-0.1, 0.1), y + ground - height * bounds.half_size[1]),
        mirrored=ahead < 0,
    )
    rider = replace(person, velocity=velocity, pace=0.0)
    return Together(rider, ridden, "riding") if generator.random() < 0.5 else Together(ridden, rider, "riding")


def _shows(thing: MovingObject, front: MovingObject, carrier: MovingObject) -> bool:
    """Whether half of what the frame holds of the thing is not behind `front`, and that is a twentieth of its carrier.

    A thing that nobody sees would teach that its carrier is wrong.
    """
    sprite = thing.sprite(0)
    opaque = sprite.alpha / 255.0
    shown = opaque
    if front is not thing:
        cover = front.sprite(0)
        clear = np.ones([max(one.stop, other.stop) for one, other in zip(sprite.box, cover.box, strict=True)])
        clear[cover.box] -= cover.alpha / 255.0
        shown = opaque * clear[sprite.box]
    return bool(shown.sum() >= max(0.5 * opaque.sum(), 0.05 * carrier.sprite(0).alpha.sum() / 255.0, 1.0))
