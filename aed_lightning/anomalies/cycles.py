"""What a person sits on: two wheels of thin rims and a frame of thin tubes, without the person."""

import numpy as np

from .figures import Figure, Part
from .outlines import capsule, disc
from .training_shapes import upright_view


def cycle(generator: np.random.Generator) -> Figure:
    """A bicycle that faces right, in heights of its rider; its wheels stand on the lower edge of the figure.

    Wheels, wheelbase and tubes of usual bicycles, seen from the side to three quarters from the front.
    """
    wheel, reach = generator.uniform(0.17, 0.23), generator.uniform(0.26, 0.36)
    rim, tube = generator.uniform(0.015, 0.05), generator.uniform(0.01, 0.025)
    crank, saddle, steering = (-0.05, -0.02), (-0.14, -0.34), (0.7 * reach, -0.36)
    tubes = [((-reach, 0.0), crank), (crank, saddle), (crank, steering), (saddle, steering), ((-reach, 0.0), saddle)]
    tubes += [((reach, 0.0), steering), (steering, (steering[0] - 0.06, steering[1] - 0.06))]
    wheels = [Part((disc(side * reach, 0.0, wheel), disc(side * reach, 0.0, wheel - rim)), 3) for side in (-1, 1)]
    frame = [Part((capsule(start, end, tube),), 2) for start, end in tubes]
    return Figure("cycle", (*wheels, *frame), upright_view(generator, 0.4))
