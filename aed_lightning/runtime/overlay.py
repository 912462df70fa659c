"""The video to look at: each frame with its anomaly map, the place of an alarm, and the score of the last seconds."""

from collections import deque
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8

from ..core.video_writer import VideoWriter
from ..data.opencv import cv2
from ..scoring.events import Alarm
from .results import strongest_box
from .scorer import ScoredFrame

LARGEST_SIDE = 960
SECONDS_SHOWN = 10.0
_RED, _GREEN, _WHITE = (255, 60, 40), (90, 220, 120), (255, 255, 255)
_TEXT_HEIGHT, _TEXT_WIDTH = 24, 132
_HEAT_SHARE = 0.6
"""How much of a pixel is red where the map is 1."""


def overlay_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the video for frames of `size`: as large, but at most LARGEST_SIDE, and even."""
    scale = min(1.0, LARGEST_SIDE / max(size))
    return max(2, round(size[0] * scale / 2) * 2), max(2, round(size[1] * scale / 2) * 2)


class Overlay:
    """Writes the frames of one recording with their scores, in order. Use as a context manager.

    size: height and width of the frames, from `overlay_size`. fps: of the frames that are written. longest: seconds
    of video, if any, after which it goes on in a file beside `path` with the number of its first frame in its name.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float, alarm: Alarm, *, longest: float | None = None
    ) -> None:
        self.size, self._alarm = size, alarm
        self._path, self._fps = path, Fraction(fps).limit_denominator(1001)
        self._most = None if longest is None else max(1, round(longest * fps))
        self._writer, self._written = self._begin(path), 0
        self._curve: deque[float] = deque(maxlen=max(2, round(SECONDS_SHOWN * fps)))

    def write(
        self, frame: UInt8[np.ndarray, "height width 3"], scored: ScoredFrame, seconds: float, *, alarmed: bool
    ) -> None:
        """Append a frame; alarmed: whether it is in an event."""
        self._curve.append(scored.smoothed)
        picture = self._warmed(frame, scored)
        if alarmed:
            box = strongest_box(scored.heat, self.size)
            cv2.rectangle(picture, (box.x0, box.y0), (box.x1 - 1, box.y1 - 1), _RED, 2)
        self._draw_curve(picture, alarmed)
        text = f"{int(seconds) // 60}:{seconds % 60:04.1f}  {scored.smoothed:.3f}"
        corner = picture[:_TEXT_HEIGHT, : min(self.size[1], _TEXT_WIDTH)]
        np.multiply(corner, 0.4, out=corner, casting="unsafe")
        color = _RED if alarmed else _WHITE
        cv2.putText(picture, text, (6, _TEXT_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1, cv2.LINE_AA)
        if self._written == self._most:
            self._writer.__exit__(None, None, None)
            self._writer = self._begin(self._path.with_stem(f"{self._path.stem}-{scored.frame_index}"))
            self._writer.__enter__()
            self._written = 0
        self._writer.write(picture)
        self._written += 1

    def __enter__(self) -> "Overlay":
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def _begin(self, path: Path) -> VideoWriter:
        return VideoWriter(path, self.size, self._fps, live=True)

    def _warmed(self, frame: np.ndarray, scored: ScoredFrame) -> np.ndarray:
        height, width = self.size
        heat = cv2.resize(scored.heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        share = _HEAT_SHARE * heat
        return np.asarray(cv2.blendLinear(frame, np.full_like(frame, _RED), 1 - share, share))

    def _draw_curve(self, picture: np.ndarray, alarmed: bool) -> None:
        """The score of the last seconds along the lower edge, the threshold as a line at half its height."""
        height, width = self.size
        tall = max(16, height // 6)
        band = picture[height - tall :]
        np.multiply(band, 0.5, out=band, casting="unsafe")
        top = max(2 * self._alarm.threshold, *self._curve, 1e-9)
        places = np.linspace(0, width - 1, self._curve.maxlen or 2)[-len(self._curve) :]
        points = np.stack([places, tall - 1 - np.clip(np.array(self._curve) / top, 0, 1) * (tall - 1)], axis=1)
        level = int(tall - 1 - self._alarm.threshold / top * (tall - 1))
        cv2.line(band, (0, level), (width - 1, level), _WHITE, 1)
        cv2.polylines(band, [points.round().astype(np.int32)], False, _RED if alarmed else _GREEN, 2, cv2.LINE_AA)
