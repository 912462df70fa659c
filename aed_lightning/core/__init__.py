"""What every room may use. `core.clip` brings torch, so its names are imported from there."""

from .errors import DataError, Interrupted, UsageError
from .files import atomic_path, write_json, write_text
from .frame_scores import FrameScores
from .randomness import generator, stable_hash, torch_seed
from .regions import Detection, Region, VideoAnnotations, VideoRegions
from .run_paths import RunPaths

__all__ = [
    "DataError",
    "Detection",
    "FrameScores",
    "Interrupted",
    "Region",
    "RunPaths",
    "UsageError",
    "VideoAnnotations",
    "VideoRegions",
    "atomic_path",
    "generator",
    "stable_hash",
    "torch_seed",
    "write_json",
    "write_text",
]
