"""Frame scores of any program: a file a video, labels beside them under the same names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import DataError, FrameScores
from .layouts.labels import read_npy, read_rows
from .layouts.scan import problems_error, visible
from .names import name_problem
from .npz import read_npz

SUFFIXES = (".npz", ".npy", ".csv", ".txt")
SCORES = ("raw", "scores", "score")
LABELS = ("labels", "label")
FRAMES = ("frame_index", "frame")
# Python's float would also take "1_0" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|nan|[+-]?inf", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """One number a frame; `frame_index` where the file says of which."""

    values: np.ndarray
    frame_index: np.ndarray | None


def read_frame_scores(scores: Path, labels: Path) -> tuple[list[FrameScores], int]:
    """The videos of the two folders in natural order, and how many labeled frames have no score.

    A file is a `.npz` archive or a `.csv` table with one of the columns `raw`, `scores`, `score` (or `labels`,
    `label`) and perhaps `frame_index` or `frame`, or a `.npy` array, a `.txt` or a `.csv` without a header, with one
    number a frame. Frames that are not numbered are those from 0 on, and then scores and labels are equal in number.
    Raises DataError with everything that is wrong with the files; what they hold is for `metrics.evaluate` to refuse.
    """
    problems: list[str] = []
    score_files, label_files = _by_video(scores, "scores", problems), _by_video(labels, "labels", problems)
    problems += [f"{file}: no labels of that name" for name, file in score_files.items() if name not in label_files]
    problems += [f"{file}: no scores of that name" for name, file in label_files.items() if name not in score_files]
    videos, unscored = [], 0
    for name in score_files.keys() & label_files.keys():
        try:
            video, without = _joined(name, score_files[name], label_files[name])
        except DataError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{error.filename}: {error.strerror}")
        else:
            videos.append(video)
            unscored += without
    if problems:
        raise problems_error(f"scores {scores} with labels {labels}", sorted(problems))
    order = list(score_files)
    return sorted(videos, key=lambda video: order.index(video.video)), unscored


def read_column(file: Path, names: tuple[str, ...]) -> Column:
    """One number a frame from a file of any of `SUFFIXES`; `names` are those that its column may have.

    Raises DataError.
    """
    readers: dict[str, Callable[[Path, tuple[str, ...]], Column]] = {
        ".npz": lambda file, names: _named(read_npz(file), names, file),
        ".npy": lambda file, names: Column(read_npy(file), None),
        ".csv": _read_table,
        ".txt": _read_table,
    }
    column = readers[file.suffix.lower()](file, names)
    values = _flat(column.values, file, names[0])
    if column.frame_index is None:
        return Column(values, None)
    frames = _flat(column.frame_index, file, FRAMES[0])
    if len(frames) != len(values):
        raise DataError(f"{file}: {len(frames)} frame numbers for {len(values)} {names[0]}; give one a frame")
    odd = np.flatnonzero(~(np.isfinite(frames) & (frames == np.floor(frames)) & (frames >= 0) & (frames < 2**53)))
    if len(odd):
        raise DataError(f"{file}: the frame number {frames[odd[0]]:g}; frames are numbered 0, 1, 2, …")
    return Column(values, frames.astype(np.int64))


def _joined(name: str, score_file: Path, label_file: Path) -> tuple[FrameScores, int]:
    scores, labels = read_column(score_file, SCORES), read_column(label_file, LABELS)
    if scores.frame_index is None and len(scores.values) != len(labels.values):
        raise DataError(
            f"{score_file}: {len(scores.values)} scores for {len(labels.values)} labels; "
            f"give one for each, or number the frames in a column {FRAMES[0]}"
        )
    frames, labeled = (
        np.arange(len(column.values)) if column.frame_index is None else column.frame_index
        for column in (scores, labels)
    )
    known, first = np.unique(labeled, return_index=True)
    if len(known) < len(labeled):
        raise DataError(f"{label_file}: {len(labeled)} labels for {len(known)} frames; label each frame once")
    bare = frames[~np.isin(frames, known)]
    if len(bare):
        raise DataError(f"{score_file}: frame {bare[0]} has a score and no label, as {len(bare)} frames in all")
    label = labels.values[first[np.searchsorted(known, frames)]]
    return FrameScores(name, frames, scores.values, label=label), len(known) - len(np.unique(frames))


def _by_video(folder: Path, what: str, problems: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"--{what} {folder} {'is no folder' if folder.exists() else 'does not exist'}; give a folder")
    files: dict[str, Path] = {}
    for file in visible(folder):
        if file.suffix.lower() not in SUFFIXES:
            continue
        if problem := name_problem(file.stem):
            problems.append(f"{str(file)!r}: {problem}; rename it")
        elif file.stem in files:
            problems.append(f"{files[file.stem]} and {file.name} are {what} of one video; leave one")
        else:
            files[file.stem] = file
    if not files and not problems:
        raise DataError(f"--{what} {folder} has no file that ends in {', '.join(SUFFIXES)}; give one a video")
    return files


def _named(columns: Mapping[str, np.ndarray], names: tuple[str, ...], file: Path) -> Column:
    """The first of `names` among the columns of a file, and its frame numbers."""
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        raise DataError(f"{file} has the columns {', '.join(columns) or '(none)'}; name one {' or '.join(names)}")
    return Column(found, next((columns[name] for name in FRAMES if name in columns), None))


def _read_table(file: Path, names: tuple[str, ...]) -> Column:
    rows = [row for row in read_rows(file) if row]
    if not rows:
        raise DataError(f"{file} is empty; give one number a frame")
    header = [cell.strip().lower() for cell in rows[0]]
    if len(header) == 1 and header[0] not in names:
        return Column(np.array(_numbers(rows, 0, file, first=1)), None)
    wanted = {name: position for position, name in enumerate(header) if name in (*names, *FRAMES)}
    return _named({name: np.array(_numbers(rows[1:], at, file, first=2)) for name, at in wanted.items()}, names, file)


def _numbers(rows: list[list[str]], position: int, file: Path, first: int) -> list[float]:
    """The numbers of one column; `nan` and `inf` are some, which the protocols refuse or replace."""
    values = []
    for line, row in enumerate(rows, start=first):
        cell = row[position].strip() if position < len(row) else ""
        if not _NUMBER.fullmatch(cell):
            raise DataError(f"{file}: row {line}: {cell[:40]!r} is no number")
        values.append(float(cell))
    return values


def _flat(values: np.ndarray, file: Path, what: str) -> np.ndarray:
    """As float64; a row or a column counts as one dimension."""
    if values.dtype.kind not in "biuf" or values.size != max(values.shape, default=0):
        raise DataError(f"{file}: {what} are {values.dtype} of shape {values.shape}; give one number a frame")
    return np.asarray(values, dtype=np.float64).reshape(-1)
