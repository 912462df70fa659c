"""The figures that the network trains on: round outlines, people, and things that carry people.

Riders, carts, boarders, runners and lying people face right; the object mirrors them to the way they go.
Palette: 0 is the main color, 1 and 2 are others, 3 is dark.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from .figures import Figure, Limb, Part
from .outlines import capsule, disc, rounded_box, superellipse, turn

View = Float[np.ndarray, "2 2"]


def any_view(generator: np.random.Generator) -> View:
    """Any tilt: for things that have no upside."""
    return turn(generator.uniform(0.0, np.pi))


def upright_view(generator: np.random.Generator, narrowest: float = 0.5) -> View:
    """Seen from the side (1) to nearly from the front (`narrowest`), and slightly tilted as by a camera's lens."""
    squeeze, tilt = generator.uniform(narrowest, 1.0), generator.normal(0.0, 0.08)
    return turn(tilt) @ np.diag([squeeze, generator.uniform(0.8, 1.0)])


def ellipse(generator: np.random.Generator) -> Figure:
    """From a ball to a plank with round ends."""
    aspect, exponent = generator.uniform(1.0, 2.5), generator.uniform(1.8, 4.0)
    return Figure("ellipse", (Part((superellipse(0.0, 0.0, aspect, 1.0, exponent),)),), any_view(generator))


def rod(generator: np.random.Generator) -> Figure:
    """A capsule, at most six times as long as wide."""
    half_length = generator.uniform(0.5, 2.5)
    return Figure("capsule", (Part((capsule((-half_length, 0.0), (half_length, 0.0), 0.5),)),), any_view(generator))


def box(generator: np.random.Generator) -> Figure:
    """A bag or a parcel, some with a lid or handle of another color."""
    width, radius = generator.uniform(0.7, 1.8), generator.uniform(0.1, 0.7)
    parts = [Part((rounded_box(0.0, 0.0, width, 1.0, min(radius, width)),))]
    if generator.random() < 0.4:
        parts.append(Part((rounded_box(0.0, -0.7, width * 0.95, 0.3, 0.1),), 1))
    return Figure("box", tuple(parts), turn(generator.normal(0.0, 0.3)))


def blobs(generator: np.random.Generator) -> Figure:
    """Two to five ellipses in a chain, each touching the one before."""
    x = y = 0.0
    parts = []
    for color in range(generator.integers(2, 6)):
        width, height = generator.uniform(0.45, 1.1, 2)
        parts.append(Part((superellipse(x, y, width, height),), color % 3))
        step, way = generator.uniform(0.6, 1.0), generator.uniform(0.0, 2 * np.pi)
        x, y = x + step * np.cos(way), y + step * np.sin(way)
    return Figure("blobs", tuple(parts), any_view(generator))


def _trunk(
    hip: tuple[float, float], lean: float, height: float, girth: float
) -> tuple[Part, Part, tuple[float, float]]:
    """Trunk, head, and where the shoulders are, of a person who leans `lean` radians forward."""
    shoulder = (hip[0] + height * np.sin(lean), hip[1] - height * np.cos(lean))
    neck = 0.62 * girth + 0.28
    head = (shoulder[0] + neck * np.sin(lean), shoulder[1] - neck * np.cos(lean))
    return Part((capsule(hip, shoulder, girth),), 0), Part((disc(*head, 0.33),), 1), shoulder


def runner(generator: np.random.Generator) -> Figure:
    """A person with a long stride, leaning forward; large or fast by the object's size and speed."""
    girth, stride = generator.uniform(0.38, 0.55), generator.uniform(0.35, 0.9)
    trunk, head, shoulder = _trunk((0.0, 0.0), generator.uniform(0.0, 0.35), 1.3, girth)
    phase, bend = generator.uniform(0.0, 2 * np.pi), generator.uniform(0.0, 0.5)
    limbs = (
        Limb((0.0, 0.1), 1.8, 0.27, 0.0, stride, phase, 2),
        Limb((0.0, 0.1), 1.8, 0.27, 0.0, stride, phase + np.pi, 2),
        Limb(shoulder, 1.2, 0.2, bend, stride, phase + np.pi, 0),
        Limb(shoulder, 1.2, 0.2, bend, stride, phase, 0),
    )
    return Figure("runner", (trunk, head), upright_view(generator, 0.65), limbs, generator.uniform(12.0, 24.0))


def rider(generator: np.random.Generator) -> Figure:
    """Two wheels, a frame between them and a person above who pedals."""
    wheel, reach = generator.uniform(0.5, 0.8), generator.uniform(0.85, 1.2)
    saddle = (-0.35 * reach, -1.0 - 0.3 * wheel)
    trunk, head, shoulder = _trunk((saddle[0], saddle[1] - 0.3), generator.uniform(0.0, 0.6), 1.1, 0.42)
    handle = (reach * 0.75, -1.1)
    parts = (
        Part((disc(-reach, 0.0, wheel),), 3),
        Part((disc(reach, 0.0, wheel),), 3),
        Part((capsule((-reach, 0.0), (reach, 0.0), 0.14),), 2),
        Part((capsule((reach, 0.0), handle, 0.13),), 2),
        Part((capsule(shoulder, handle, 0.17),), 0),
        trunk,
        head,
    )
    phase = generator.uniform(0.0, 2 * np.pi)
    limbs = tuple(Limb(saddle, 1.3, 0.24, 0.35, 0.3, phase + side, 2) for side in (0.0, np.pi))
    return Figure("rider", parts, upright_view(generator, 0.35), limbs, generator.uniform(12.0, 30.0))


def cart(generator: np.random.Generator) -> Figure:
    """A box on wheels, often with somebody who pushes it."""
    half_width, half_height = generator.uniform(0.9, 2.2), generator.uniform(0.5, 1.1)
    wheel = generator.uniform(0.2, 0.45)
    parts = [Part((disc(side * half_width * 0.7, half_height, wheel),), 3) for side in (-1, 1)]
    parts.append(Part((rounded_box(0.0, 0.0, half_width, half_height, 0.15),), 0))
    if generator.random() < 0.4:
        parts.append(Part((rounded_box(0.2 * half_width, -half_height, half_width * 0.6, 0.6, 0.2),), 1))
    limbs: tuple[Limb, ...] = ()
    if generator.random() < 0.5:
        hip = (-half_width - 0.9, -0.3)
        trunk, head, shoulder = _trunk(hip, 0.25, 1.1, 0.38)
        parts += [trunk, head, Part((capsule(shoulder, (-half_width, -half_height), 0.16),), 2)]
        reach = half_height + wheel + 0.2
        limbs = tuple(Limb(hip, reach, 0.24, 0.0, 0.35, side, 2) for side in (0.0, np.pi))
    return Figure("cart", tuple(parts), upright_view(generator, 0.55), limbs, generator.uniform(18.0, 30.0))


def boarder(generator: np.random.Generator) -> Figure:
    """A person on a board, knees bent, arms out; the arms balance."""
    lean, spread = generator.normal(0.0, 0.25), generator.uniform(0.2, 0.5)
    trunk, head, shoulder = _trunk((0.0, 0.0), lean, 1.1, 0.42)
    ground = 1.55
    parts = (
        Part((capsule((-1.1, ground + 0.15), (1.1, ground + 0.15), 0.15),), 3),
        Part((capsule((0.0, 0.0), (-spread, ground), 0.26),), 2),
        Part((capsule((0.0, 0.0), (spread, ground), 0.26),), 2),
        trunk,
        head,
    )
    limbs = tuple(Limb(shoulder, 1.2, 0.19, side * generator.uniform(0.4, 1.5), 0.2, 0.0, 0) for side in (-1, 1))
    return Figure("boarder", parts, upright_view(generator, 0.6), limbs, generator.uniform(25.0, 50.0))


def lying_person(generator: np.random.Generator) -> Figure:
    """Somebody on the ground, seen from obliquely above; limbs may move."""
    girth = generator.uniform(0.4, 0.55)
    parts = (Part((capsule((-0.7, 0.0), (0.7, 0.0), girth),), 0), Part((disc(-0.85 - girth, 0.0, 0.34),), 1))
    moving = generator.uniform(0.0, 0.35) * (generator.random() < 0.5)
    phases = generator.uniform(0.0, 2 * np.pi, 4)
    bends = generator.uniform(-0.7, 0.7, 4)
    legs = [Limb((0.6, 0.1), 1.7, 0.25, np.pi / 2 + bends[i] * 0.6, moving, phases[i], 2) for i in (0, 1)]
    arms = [Limb((-0.6, 0.0), 1.2, 0.18, (i - 2.5) * np.pi + bends[i], moving, phases[i], 0) for i in (2, 3)]
    view = np.diag([1.0, generator.uniform(0.5, 1.0)]) @ turn(generator.normal(0.0, 0.5))
    return Figure("lying person", parts, view, (*legs, *arms), generator.uniform(20.0, 50.0))


TRAINING_SHAPES: tuple[Callable[[np.random.Generator], Figure], ...] = (
    ellipse,
    rod,
    box,
    blobs,
    runner,
    rider,
    cart,
    boarder,
    lying_person,
)
