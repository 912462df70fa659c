"""Light and sensor: what changes between videos and from frame to frame while nobody moves."""

import math

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from scipy.ndimage import gaussian_filter

from aed_lightning.core import generator

from .camera import Ground

_BLUR_SIGMA = 0.55


class Light:
    """The weather of one video: sun, clouds that drift, exposure, noise.

    sun: where a point one meter up casts its shadow, meters from its foot. shade: how dark a shadow is, 0 to 1.
    """

    def __init__(self, size: tuple[int, int], seed: int, video: str, frames: int) -> None:
        random = generator(seed, "toy light", video)
        self._seed, self._video, self._size = seed, video, size
        angle = random.uniform(-0.5, math.pi + 0.5)
        length = random.uniform(0.45, 0.95)
        self.sun: Ground = (length * math.cos(angle), -length * abs(math.sin(angle)))
        self.shade = float(random.uniform(0.2, 0.42))
        self._exposure = 1.0 + random.uniform(-0.09, 0.09)
        self._breath = (random.uniform(0.01, 0.03), random.uniform(60.0, 160.0), random.uniform(0.0, 2 * math.pi))
        self._drift = random.uniform(0.2, 0.6) * size[1] / 320
        self._clouds = _clouds(random, size, int(frames * self._drift) + 2)
        self._noise = _noise(random, size, float(random.uniform(2.0, 2.8)))

    def __call__(self, image: UInt8[np.ndarray, "height width 3"], frame: int) -> UInt8[np.ndarray, "height width 3"]:
        """The lit scene as the camera delivers it."""
        height, width = self._size
        depth, period, phase = self._breath
        gain = self._exposure * (1.0 + depth * math.sin(2 * math.pi * frame / period + phase))
        start = int(frame * self._drift)
        lit = cv2.multiply(image, self._clouds[:, start : start + width], scale=gain, dtype=cv2.CV_8U)
        soft = cv2.GaussianBlur(lit, (3, 3), _BLUR_SIGMA)
        random = generator(self._seed, "toy noise", self._video, frame)
        top, left = (int(random.integers(extent)) for extent in (height, width))
        return cv2.add(soft, self._noise[top : top + height, left : left + width], dtype=cv2.CV_8U)


def _clouds(random: np.random.Generator, size: tuple[int, int], extra: int) -> Float32[np.ndarray, "height wide 3"]:
    height, width = size
    coarse = gaussian_filter(random.standard_normal((12, 40)), (2.0, 2.5), mode="wrap")
    coarse /= coarse.std()
    fine = cv2.resize(coarse.astype(np.float32), (width + extra, height), interpolation=cv2.INTER_CUBIC)
    tint = 1.0 + np.array([1.0, 0.0, -1.0]) * random.uniform(-0.03, 0.04)
    return np.ascontiguousarray((1.0 + 0.035 * fine[..., None]) * tint, dtype=np.float32)


def _noise(random: np.random.Generator, size: tuple[int, int], sigma: float) -> np.ndarray:
    # One large plane, read from another place in every frame: a fresh draw a frame would cost more than the drawing.
    plane = random.standard_normal((2 * size[0], 2 * size[1], 3), dtype=np.float32)
    return np.rint(plane * sigma).astype(np.int16)
