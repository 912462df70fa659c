"""A figure: the parts of an object and how its limbs swing, free of place, size and color."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from .outlines import Outline, capsule

_AS_IS, _NO_SHIFT = np.eye(2), np.zeros(2)


@dataclass(frozen=True)
class Part:
    """One area of one color.

    contours: filled by the even-odd rule, so a contour inside another is a hole. color: place in the palette.
    """

    contours: tuple[Outline, ...]
    color: int = 0


@dataclass(frozen=True)
class Limb:
    """A capsule hinged at `joint` that swings about its rest `angle` (radians, 0 hangs down) by `swing` radians."""

    joint: tuple[float, float]
    length: float
    radius: float
    angle: float
    swing: float
    phase: float
    color: int = 0

    def part(self, cycle: float) -> Part:
        """The limb where the gait is `cycle` radians on."""
        angle = self.angle + self.swing * np.sin(cycle + self.phase)
        end = (self.joint[0] + self.length * np.sin(angle), self.joint[1] + self.length * np.cos(angle))
        return Part((capsule(self.joint, end, self.radius),), self.color)


@dataclass(frozen=True)
class Figure:
    """Parts painted in order over the limbs. view: 2 x 2 matrix that tilts and squeezes; period: frames of a swing."""

    kind: str
    parts: tuple[Part, ...]
    view: Float[np.ndarray, "2 2"]
    limbs: tuple[Limb, ...] = ()
    period: float = 20.0

    def hollow(self, rim: float) -> "Figure":
        """The same with holes in its parts: `rim` of their half width is left, all of it for 1. Limbs stay whole."""

        def inner(contour: Outline) -> Outline:
            middle = contour.mean(axis=0)
            return middle + (1 - rim) * (contour - middle)

        parts = (replace(part, contours=(*part.contours, *map(inner, part.contours))) for part in self.parts)
        return replace(self, parts=tuple(parts))

    def parts_at(
        self, offset: float, matrix: Float[np.ndarray, "2 2"] = _AS_IS, shift: Float[np.ndarray, " 2"] = _NO_SHIFT
    ) -> list[Part]:
        """All parts `offset` frames on, as seen through `view`, then through `matrix`, then moved by `shift`."""
        cycle = 2 * np.pi * offset / self.period
        parts = [limb.part(cycle) for limb in self.limbs]
        parts.extend(self.parts)
        transposed = (matrix @ self.view).T
        return [Part(tuple(contour @ transposed + shift for contour in part.contours), part.color) for part in parts]
