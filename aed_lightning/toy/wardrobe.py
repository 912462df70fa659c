"""What people wear and carry, from very bright to very dark."""

import numpy as np

from .figure import Color
from .people import Look

_CLOTHES: tuple[Color, ...] = (
    (242, 240, 232), (250, 214, 60), (226, 60, 50), (40, 90, 180), (28, 30, 36), (96, 60, 120), (60, 130, 90),
    (240, 130, 50), (130, 180, 220), (150, 130, 110), (18, 18, 20), (236, 150, 170),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = (
    (30, 32, 40), (52, 66, 100), (120, 108, 88), (18, 18, 20), (216, 208, 190), (84, 84, 86),
)  # fmt: skip
_SKINS: tuple[Color, ...] = ((224, 180, 150), (196, 148, 118), (140, 96, 70), (96, 64, 46))
_HAIRS: tuple[Color, ...] = ((40, 28, 22), (24, 22, 22), (120, 84, 46), (206, 176, 110), (170, 168, 164))
_BAGS: tuple[Color, ...] = ((120, 60, 36), (24, 24, 28), (210, 200, 180), (180, 40, 44))
BRIGHT: tuple[Color, ...] = ((248, 246, 240), (252, 222, 70))


def dress(random: np.random.Generator, bright: bool | None = None) -> Look:
    """Somebody's look; bright: force (true) clothing that is white or yellow."""
    shirts = BRIGHT if bright else _CLOTHES
    return Look(
        height=float(random.uniform(1.56, 1.9)),
        shirt=_pick(random, shirts),
        trousers=_pick(random, _TROUSERS),
        skin=_pick(random, _SKINS),
        hair=_pick(random, _HAIRS),
        coat=float(random.choice([0.0, 0.0, 0.5, 0.9])),
        bag=_pick(random, _BAGS) if random.random() < 0.3 else None,
    )


def _pick(random: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    red, green, blue = colors[int(random.integers(len(colors)))]
    dimmed = random.uniform(0.93, 1.0)
    return int(red * dimmed), int(green * dimmed), int(blue * dimmed)
