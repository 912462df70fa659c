"""The one place that imports OpenCV, so that a machine without its libraries gets an answer and not a traceback."""

from ..core import UsageError

try:
    import cv2
except ImportError as error:
    raise UsageError(
        f"OpenCV cannot be imported ({error}): install its libraries (apt-get install libgl1 libglib2.0-0), "
        "or the build that needs none (pip uninstall opencv-python, then pip install opencv-python-headless)"
    ) from error

__all__ = ["cv2", "one_thread"]


def one_thread() -> None:
    """In this process OpenCV works in the thread that calls it; for verbs, not for programs that only import this.

    Its own threads take cores from decoder and network while one frame comes after the other (docs/performance.md).
    """
    cv2.setNumThreads(1)
