"""The plaza without people: paving, lawn, flower bed, facade, and the props that can hide somebody."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import gaussian_filter

from aed_lightning.core import generator

from .camera import Camera, Ground
from .figure import Color, Figure, shade
from .raster import fill, fill_soft

FACADE = 20.5
"""Meters to the wall at the back; paved from the camera up to it."""

LAWN = (-8.0, -2.1, 10.4, 13.8)
"""The lawn with its flower bed: x from, to, y from, to, in meters. Nobody ought to walk here."""

FLOWER_BED = (-7.5, -2.9, 11.5, 12.6)
FOUNTAIN = (3.3, 12.2)
FOUNTAIN_RADIUS = 1.05
_SUPERSAMPLING = 3


@dataclass(frozen=True)
class Prop:
    """Something built into the background that hides who stands behind it; mask: its pixels."""

    ground: Ground
    mask: Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class Scene:
    """background: RGB. props: with their masks. open_ground: 1 where shadows may fall, 0 on the facade.

    prop_figures: what was drawn, for the shadows, which depend on a video's sun.
    """

    camera: Camera
    background: UInt8[np.ndarray, "height width 3"]
    props: tuple[Prop, ...]
    prop_figures: tuple[Figure, ...]
    open_ground: UInt8[np.ndarray, "height width"]


def build_scene(size: tuple[int, int], seed: int) -> Scene:
    """The plaza in a frame size (height, width); the same for every video of a seed."""
    camera = Camera(size)
    fine = Camera((size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING))
    image = _paint_ground(fine, generator(seed, "toy ground"))
    _paint_facade(fine, image)
    masks = []
    for figure in _prop_figures(fine):
        mask = np.zeros(fine.size, np.uint8)
        outlines, _ = figure.outlines((0.0, 0.0))
        for outline, color in zip(outlines, figure.colors, strict=True):
            fill_soft(image, outline, color)
            fill(mask, outline, 255)
        masks.append(_shrink(mask, size) > 127)
    figures = tuple(_prop_figures(camera))
    props = tuple(Prop(figure.at, mask) for figure, mask in zip(figures, masks, strict=True))
    horizon = camera.project(np.array([[0.0, FACADE, 0.0]]))[0, 1]
    open_ground = np.broadcast_to((np.arange(size[0]) > horizon)[:, None], size).astype(np.uint8)
    return Scene(camera, _shrink(image, size), props, figures, open_ground)


def on_lawn(ground: Ground) -> bool:
    """Whether a place on the ground belongs to the lawn."""
    x0, x1, y0, y1 = LAWN
    return x0 <= ground[0] <= x1 and y0 <= ground[1] <= y1


def _shrink(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _paint_ground(camera: Camera, random: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
    x, y = camera.ground(1)
    x, y = np.clip(x, -60.0, 59.0), np.clip(y, 0.0, 79.0)
    stain = gaussian_filter(random.standard_normal((160, 240)), 3.0) * 10.0
    tiles = random.normal(0.0, 7.0, (160, 240)) + stain
    column, row = np.floor(x / 0.9).astype(int), np.floor(y / 0.9).astype(int)
    shift = tiles[row, column + 120]
    joint = np.minimum(x / 0.9 - column, y / 0.9 - row) < 0.05
    band = (row % 6 == 0) | (column % 8 == 0)
    paved = np.array([166.0, 157.0, 146.0]) + shift[..., None] - 26.0 * joint[..., None] - 18.0 * band[..., None]

    grain = random.normal(0.0, 1.0, x.shape)
    grass = np.array([84.0, 122.0, 58.0]) + (gaussian_filter(grain, 1.2) * 34.0)[..., None]
    soil = np.array([92.0, 72.0, 54.0]) + (gaussian_filter(grain, 0.8) * 20.0)[..., None]
    image = np.where(_inside(x, y, LAWN, 0.0)[..., None], grass, paved)
    curb = _inside(x, y, LAWN, 0.22) & ~_inside(x, y, LAWN, 0.0)
    image = np.where(curb[..., None], np.array([192.0, 188.0, 180.0]), image)
    image = np.where(_inside(x, y, FLOWER_BED, 0.0)[..., None], soil, image)
    image = np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8))
    _plant_flowers(camera, image, random)
    return image


def _inside(x: np.ndarray, y: np.ndarray, area: tuple[float, float, float, float], margin: float) -> np.ndarray:
    x0, x1, y0, y1 = area
    return (x > x0 - margin) & (x < x1 + margin) & (y > y0 - margin) & (y < y1 + margin)


def _plant_flowers(camera: Camera, image: np.ndarray, random: np.random.Generator) -> None:
    colors: tuple[Color, ...] = ((196, 60, 70), (226, 190, 70), (176, 90, 160), (230, 225, 215), (70, 110, 50))
    x0, x1, y0, y1 = FLOWER_BED
    for y in np.sort(random.uniform(y0 + 0.2, y1 - 0.2, 150))[::-1]:
        figure = Figure(camera, (float(random.uniform(x0 + 0.2, x1 - 0.2)), float(y)))
        figure.disc(np.array([0.0, 0.18]), float(random.uniform(0.10, 0.2)), colors[int(random.integers(5))])
        for outline in figure.outlines((0.0, 0.0))[0]:
            fill_soft(image, outline, figure.colors[0])


def _paint_facade(camera: Camera, image: np.ndarray) -> None:
    wall = Figure(camera, (0.0, FACADE), math.pi / 2)
    wall.face([(0, 40, 0), (0, -40, 0), (0, -40, 12), (0, 40, 12)], (176, 150, 122))
    wall.face([(0, 40, 0), (0, -40, 0), (0, -40, 0.5), (0, 40, 0.5)], (120, 110, 102))
    for index in range(-8, 9):
        left = index * 3.4
        if index % 4 == 2:
            wall.face(
                [(0, left + 0.9, 0), (0, left - 0.9, 0), (0, left - 0.9, 2.5), (0, left + 0.9, 2.5)], (84, 58, 44)
            )
        else:
            wall.face(
                [(0, left + 0.8, 0.9), (0, left - 0.8, 0.9), (0, left - 0.8, 2.6), (0, left + 0.8, 2.6)], (70, 82, 94)
            )
    outlines, _ = wall.outlines((0.0, 0.0))
    for outline, color in zip(outlines, wall.colors, strict=True):
        fill_soft(image, outline, color)


def _prop_figures(camera: Camera) -> list[Figure]:
    props = [_lamp(camera, (-1.8, 14.1)), _lamp(camera, (5.2, 15.0)), _lamp(camera, (-4.4, 10.0))]
    props += [_bench(camera, (-3.0, 10.1)), _bench(camera, (1.8, 14.0)), _fountain(camera)]
    return sorted(props, key=lambda figure: -figure.at[1])


def _lamp(camera: Camera, ground: Ground) -> Figure:
    figure = Figure(camera, ground)
    metal = (58, 62, 66)
    figure.bar((0, 0, 0), (0, 0, 0.35), 0.3, metal)
    figure.bar((0, 0, 0.3), (0, 0, 3.6), 0.14, metal)
    figure.disc(np.array([0.0, 3.75]), 0.24, (232, 226, 204))
    return figure


def _bench(camera: Camera, ground: Ground) -> Figure:
    figure = Figure(camera, ground, math.pi / 2)
    wood = (122, 84, 52)
    for left in (-0.75, 0.75):
        figure.bar((0, left, 0), (0, left, 0.45), 0.1, (60, 60, 62))
    figure.box((-0.22, -0.95, 0.4), (0.22, 0.95, 0.5), wood)
    figure.box((0.2, -0.95, 0.5), (0.27, 0.95, 0.95), shade(wood, 0.9))
    return figure


def _fountain(camera: Camera) -> Figure:
    figure = Figure(camera, FOUNTAIN)
    turn = np.linspace(0, 2 * math.pi, 28, endpoint=False)

    def ring(radius: float, up: float) -> np.ndarray:
        places = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(turn.shape, up)], axis=1)
        return figure.flatten(places)

    stone = (188, 182, 172)
    wall = np.concatenate([ring(FOUNTAIN_RADIUS, 0.0), ring(FOUNTAIN_RADIUS, 0.5)])
    figure.polygon(cv2.convexHull(wall.astype(np.float32))[:, 0].astype(float), shade(stone, 0.75))
    figure.polygon(ring(FOUNTAIN_RADIUS, 0.5), stone)
    figure.polygon(ring(FOUNTAIN_RADIUS - 0.25, 0.45), (96, 136, 152))
    figure.bar((0, 0, 0.4), (0, 0, 1.5), 0.4, shade(stone, 0.85))
    figure.polygon(ring(0.62, 1.45), shade(stone, 0.95))
    figure.bar((0, 0, 1.45), (0, 0, 2.0), 0.16, (214, 226, 232))
    return figure
