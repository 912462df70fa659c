"""What people wear and carry: muted colors, darker than the paving."""

import numpy as np

from .figure import Color
from .people import Look

_CLOTHES: tuple[Color, ...] = (
    (54, 56, 62), (70, 84, 112), (104, 64, 66), (84, 100, 86), (112, 94, 80), (88, 96, 108), (40, 42, 48),
    (100, 88, 112),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = (
    (34, 36, 44), (52, 62, 88), (112, 102, 86), (26, 26, 28), (84, 84, 86),
)  # fmt: skip
_SKINS: tuple[Color, ...] = ((224, 180, 150), (196, 148, 118), (140, 96, 70), (96, 64, 46))
_HAIRS: tuple[Color, ...] = ((40, 28, 22), (24, 22, 22), (120, 84, 46), (206, 176, 110), (170, 168, 164))
_BAGS: tuple[Color, ...] = ((104, 64, 44), (28, 28, 32), (120, 110, 96))


def dress(random: np.random.Generator) -> Look:
    """Somebody's look."""
    return Look(
        height=float(random.uniform(1.56, 1.9)),
        shirt=_pick(random, _CLOTHES),
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
