"""Video files of the kinds on which readers differ, written with PyAV."""

import io
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np

SIZE = (54, 98)


def moving(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A textured background that moves two pixels a frame, and a block: neighboring frames always differ."""
    height, width = size
    texture = np.random.default_rng(0).integers(0, 256, (7, 12, 3), dtype=np.uint8)
    image = np.roll(cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC), 2 * index, axis=1)
    left = 3 * index % (width - 16)
    image[10:30, left : left + 16] = (255, 7 * index % 256, 13 * index % 256)
    return image


def encode(
    target: Path | io.BytesIO,
    codec: str = "libx264",
    frames: int = 60,
    size: tuple[int, int] = SIZE,
    pix_fmt: str = "yuv420p",
    milliseconds: list[int] | None = None,
    container: str | None = None,
    **options: str,
) -> None:
    with av.open(target if isinstance(target, io.BytesIO) else str(target), "w", format=container) as output:
        stream = output.add_stream(codec, rate=25, options={"g": "12", **options})
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        if milliseconds:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(moving(index, size), format="rgb24")
            if milliseconds:
                frame.pts, frame.time_base = milliseconds[index], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _variable(path: Path) -> None:
    steps = islice(cycle([20, 60, 40, 140, 20, 20]), 59)
    encode(path, milliseconds=list(accumulate(steps, initial=0)), bf="2")


def _cut(path: Path) -> None:
    """Copied from packet 8 on: what stands before the next key frame cannot be decoded and is not shown."""
    whole = path.with_name("whole.mp4")
    encode(whole, frames=100, bf="3")
    with av.open(str(whole)) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if number >= 8 and packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
    whole.unlink()


def _turned(path: Path) -> None:
    """As phones do it: the matrix in the header says a quarter turn."""
    encode(path, bf="2")
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    for number, value in enumerate((0, 0x10000, 0, -0x10000, 0, 0, SIZE[0] * 0x10000, 0, 0x40000000)):
        content[matrix + 4 * number : matrix + 4 * number + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)


FOOTAGE: dict[str, Callable[[Path], None]] = {
    "h264.mp4": lambda path: encode(path, bf="3"),
    "open-groups.mp4": lambda path: encode(path, bf="3", **{"x264-params": "open-gop=1:scenecut=0"}),
    "refresh.mp4": lambda path: encode(path, bf="0", **{"x264-params": "intra-refresh=1"}),
    "mpeg4.avi": lambda path: encode(path, "mpeg4"),
    "mpeg4-b.avi": lambda path: encode(path, "mpeg4", bf="2"),
    "mjpeg.avi": lambda path: encode(path, "mjpeg", pix_fmt="yuvj420p"),
    "variable.mp4": _variable,
    "cut.mp4": _cut,
    "turned.mp4": _turned,
    "ten-bit.mp4": lambda path: encode(path, bf="2", pix_fmt="yuv420p10le"),
    "raw.h264": lambda path: encode(path, bf="2"),
}
