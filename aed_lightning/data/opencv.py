"""The one place that imports OpenCV, so that a machine without its libraries gets an answer and not a traceback."""

from ..core import UsageError

try:
    import cv2
except ImportError as error:
    raise UsageError(
        f"OpenCV cannot be imported ({error}): install its libraries (apt-get install libgl1 libglib2.0-0), "
        "or the build that needs none (pip uninstall opencv-python, then pip install opencv-python-headless)"
    ) from error

# Its threads gain nothing on one frame after the other and take the cores of decoder, network and other processes:
# scoring from files was 6 % slower with them (docs/performance.md).
cv2.setNumThreads(1)

__all__ = ["cv2"]
