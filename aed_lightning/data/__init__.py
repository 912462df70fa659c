"""From video files and labels to a store; nothing here imports torch (the data module is `data.module`)."""

from .layouts import open_layout
from .prepare import prepare
from .store import Store
from .verify import check, check_videos

__all__ = ["Store", "check", "check_videos", "open_layout", "prepare"]
