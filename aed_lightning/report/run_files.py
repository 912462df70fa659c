"""A run directory as far as it is there, read for the report."""

import csv
import json
import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..core import DataError, FrameScores, RunPaths, UsageError

METRICS_VERSION = 1
FIGURES = (
    "micro_auc",
    "macro_auc",
    "macro_auc_padded",
    "average_precision",
    "eer",
    "auc",
    "rbdc",
    "tbdc",
    "pixel_auc",
    "pixel_auc_40",
    "median_frames",
    "median_seconds",
    "false_alarms_per_hour",
)
OBJECTS = ("standard", "official", "causal", "raw", "trivial", "per_kind", "smoothing", "intervals", "localization")
SCORE_COLUMNS = ("frame_index", "raw", "smoothed")
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_PICTURE_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Curve:
    """What one stage logged under one name: `value` at `step`, in order of the steps; NaN where it was NaN."""

    stage: str
    name: str
    step: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Run:
    """The files of a run; what is missing is none or empty.

    metrics: metrics.json. config, environment: as written. curves: of logs/, all stages.
    videos: of scores/, by name. pictures: PNG bytes of frame and map, by (video, frame).
    """

    root: Path
    metrics: dict[str, Any] | None
    config: dict[str, Any]
    environment: dict[str, Any]
    curves: list[Curve]
    videos: list[FrameScores]
    pictures: dict[tuple[str, int], bytes]

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.root.resolve().name


def read_run(root: Path) -> Run:
    """Read a run directory.

    Raises UsageError where there is none, DataError for a damaged file or where there is nothing to report.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is no run directory; give one that fit, test or predict wrote")
    paths = RunPaths(root)
    run = Run(
        root=root,
        metrics=_metrics(paths.metrics),
        config=_mapping(paths.config, yaml.safe_load),
        environment=_mapping(paths.environment, json.loads),
        curves=_curves(paths.logs),
        videos=[_scores(file) for file in sorted(paths.scores.glob("*.npz"))],
        pictures=_pictures(paths.pictures),
    )
    if run.metrics is None and not run.videos and not run.curves:
        raise DataError(
            f"{root} holds no metrics.json, no scores/*.npz and no logs/*/metrics.csv, so there is nothing to report; "
            "give a run directory that fit, test or predict wrote"
        )
    return run


def _mapping(file: Path, parse: Any) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = parse(file.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file} cannot be read ({str(error).splitlines()[0]}); restore it or remove it") from error
    if not isinstance(found, dict):
        raise DataError(f"{file} holds a {type(found).__name__} where keys and values belong; restore it or remove it")
    return found


def _metrics(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    metrics = _mapping(file, json.loads)
    if metrics.get("version") != METRICS_VERSION:
        raise DataError(
            f"{file} has version {metrics.get('version')!r}, this program reads {METRICS_VERSION}: evaluate again"
        )
    for key in (*OBJECTS, "delay"):
        if not isinstance(metrics.setdefault(key, {}), dict):
            raise DataError(f"{file}: {key} is no object; evaluate again")
    for key in ("trivial", "per_kind"):
        if not all(isinstance(row, dict) for row in metrics[key].values()):
            raise DataError(f"{file}: {key} holds more than objects; evaluate again")
    places = [metrics["localization"].setdefault(key, {}) for key in ("regions", "pixels")]
    if not all(isinstance(block, dict) for block in places):
        raise DataError(f"{file}: localization holds more than objects; evaluate again")
    blocks = [*(metrics[key] for key in ("standard", "official", "causal", "raw", "delay")), *places]
    for block in [*blocks, *metrics["trivial"].values(), *metrics["per_kind"].values()]:
        for key, value in block.items():
            if key in FIGURES and (isinstance(value, bool) or not isinstance(value, int | float | None)):
                raise DataError(f"{file}: {key} is {value!r}, no number; evaluate again")
    rows = metrics.setdefault("per_video", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file}: per_video is no list of objects; evaluate again")
    return metrics


def _curves(logs: Path) -> list[Curve]:
    """A stage that was resumed has logs/STAGE, logs/STAGE-2, …: one curve, the later log where both know a step."""
    points: dict[tuple[str, str], dict[int, float]] = {}
    for file in sorted(logs.glob("*/metrics.csv"), key=_log_number):
        stage = re.sub(r"-\d+$", "", file.parent.name)
        for name, step, value in _logged(file):
            if not name.startswith("test/"):  # single figures, which metrics.json has
                points.setdefault((stage, name), {})[step] = value
    return [
        Curve(stage, name, np.array(sorted(values)), np.array([values[step] for step in sorted(values)]))
        for (stage, name), values in sorted(points.items(), key=lambda item: (item[0][0] != "teacher", item[0]))
    ]


def _log_number(file: Path) -> tuple[str, int]:
    stage, number = re.fullmatch(r"(.*?)(?:-(\d+))?", file.parent.name, re.DOTALL).groups()  # type: ignore[union-attr]
    return stage, int(number or 1)


def _logged(file: Path) -> Iterator[tuple[str, int, float]]:
    with file.open(encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text)
        for row in reader:
            try:
                step = int(row["step"])
                values = {
                    name: float(cell) for name, cell in row.items() if cell and name not in ("epoch", "step", None)
                }
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{file}, line {reader.line_num}: no log of numbers ({error}); remove it") from error
            yield from ((name, step, value if math.isfinite(value) else math.nan) for name, value in values.items())


def _scores(file: Path) -> FrameScores:
    try:
        with np.load(file, allow_pickle=False) as archive:
            columns = {name: np.asarray(archive[name]) for name in (*SCORE_COLUMNS, "label") if name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is no file of scores ({error}); evaluate again") from error
    missing = [name for name in SCORE_COLUMNS if name not in columns]
    if missing:
        raise DataError(f"{file} has no {', '.join(missing)}; evaluate again")
    if len({values.shape for values in columns.values()}) > 1 or columns["raw"].ndim != 1:
        raise DataError(f"{file}: its columns differ in length; evaluate again")
    frame_index, raw, smoothed = (columns[name] for name in SCORE_COLUMNS)
    return FrameScores(file.stem, frame_index, raw, smoothed, columns.get("label"))


def _pictures(folder: Path) -> dict[tuple[str, int], bytes]:
    """The pictures that index.json names. It says nothing of other files, and none outside the folder is read."""
    index = _mapping(folder / "index.json", json.loads)
    pictures = {}
    try:
        entries = [
            (str(entry["video"]), int(entry["frame"]), str(entry["file"]))
            for mistake in ("false_alarms", "misses")
            for entry in index.get(mistake, [])
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / 'index.json'} is no list of pictures ({error!r}); evaluate again") from error
    for video, frame, name in entries:
        file = folder / name
        if Path(name).name != name or not file.is_file() or file.stat().st_size > LARGEST_PICTURE_BYTES:
            continue
        content = file.read_bytes()
        if content.startswith(PNG):
            pictures[video, frame] = content
    return pictures
