"""What a look into the container tells, by PyAV, whoever decodes."""

import os
from collections import deque
from pathlib import Path

import av

from ...core import DataError
from .deadline import Pulse

MOST_THREADS = 16
"""More than these FFmpeg advises against."""


def decoder_threads() -> int:
    """Threads for one decoder: a core is left to what becomes of the frames meanwhile.

    The more threads, the more a frame costs: 2.1 ms of processor time at 640x360 with two on two cores, 1.6 with one.
    """
    return min(MOST_THREADS, max(1, len(os.sched_getaffinity(0)) - 1))


def check_file(path: Path) -> None:
    """Raise DataError for a path that is no file or may not be read."""
    try:
        if not path.is_file():
            raise DataError(f"{path} is not a file (missing, or a link to nothing): check the path")
        path.open("rb").close()
    except OSError as error:
        raise DataError(f"{path} may not be read ({error.strerror}): change its permissions") from error


def not_a_video(path: Path) -> DataError:
    """The refusal of a file that a decoder cannot open, with the reason."""
    size = path.stat().st_size
    reason = "it is empty" if size == 0 else _reason(path)
    return DataError(
        f"{path} ({size} bytes) cannot be opened as video ({reason}; 0 frames read): replace it or take it away"
    )


def refuse_size_change(path: Path, claimed: int | None, pulse: Pulse) -> list[str]:
    """Raise DataError for the first frame of another size; returns warnings.

    OpenCV and decord scale such a frame to the first size and say nothing. Only key frames can change it.
    """
    size, keys = None, deque[int]()
    try:
        with av.open(str(path.absolute())) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            stream.codec_context.thread_count = 1  # threads take longer to start than the few frames of a short video
            for index, packet in enumerate(container.demux(stream)):
                pulse.beat(f"looking at the size of frame {index}")
                if packet.is_keyframe:
                    keys.append(index)
                for frame in packet.decode():
                    shape, at = (frame.height, frame.width), keys.popleft() if keys else index
                    size = size or shape
                    refuse_other_size(shape, size, f"{path}: frame {at} of {claimed or 'an unknown number'}")
    except (av.FFmpegError, IndexError) as error:
        return [f"the key frames cannot all be decoded ({error})"]
    return []


def refuse_other_size(shape: tuple[int, ...], size: tuple[int, ...], where: str) -> None:
    """Raise DataError where a frame's (height, width) differs from that of the frames before."""
    if shape[:2] != size[:2]:
        now, before = f"{shape[1]}x{shape[0]}", f"{size[1]}x{size[0]}"
        raise DataError(f"{where} is {now}, the frames before it are {before}: the frames of a video have one size")


def _reason(path: Path) -> str:
    try:
        with av.open(str(path.absolute())) as container:
            return "it can be opened, but no decoder takes it" if container.streams.video else "it has no video stream"
    except av.FFmpegError as error:
        return str(error.strerror)
