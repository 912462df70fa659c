"""H.264 files that a browser plays."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from jaxtyping import UInt8


class VideoWriter:
    """Write RGB frames to an MP4 file (H.264, yuv420p, index in front). Use as a context manager.

    path: ends in `.mp4`. size: (height, width) in pixels, both even. fps: frames a second.
    crf: libx264's constant rate factor; lower is better and larger. live: in pieces of a second, each of which plays
    as soon as it is written, whatever becomes of the process; else with the index in front.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: int | Fraction, crf: int = 20, *, live: bool = False
    ) -> None:
        height, width = size
        if height % 2 or width % 2:
            raise ValueError(f"video size {height}x{width}: H.264 with yuv420p needs even numbers")
        flags = "+frag_keyframe+empty_moov+default_base_moof" if live else "+faststart"
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": flags})
        # One thread and no macroblock tree: with either, libx264 writes other bytes each time for the same frames.
        options = {"crf": str(crf), "preset": "fast", "threads": "1", "mbtree": "0"}
        if live:
            # It must keep up with what it shows: a third of the time of "fast", and no more bytes (noise of a sensor).
            options |= {"g": str(max(1, round(fps))), "bf": "0", "preset": "veryfast"}
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps), options=options)
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, "yuv420p"

    def write(self, frame: UInt8[np.ndarray, "height width 3"]) -> None:
        """Append one frame."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
