"""Label files: parsed strictly, never run, memory bounded, 0 or 1 for each counted frame."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ...core import DataError

LARGEST_TEXT = 64 * 2**20
LARGEST_ARRAY = 2**30
_LARGEST_NUMBER = 10**9
# Python's float would also take "1_0" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")


def read_labels(file: Path, frames: int) -> UInt8[np.ndarray, " frames"]:
    """Labels of one video from `.npy`, `.csv` (frame,label) or `.txt` (one a line). Raises DataError."""
    readers = {".npy": read_npy, ".csv": _read_csv, ".txt": _read_txt}
    return checked(readers[file.suffix.lower()](file), frames, file)


def checked(values: np.ndarray, frames: int, file: Path) -> UInt8[np.ndarray, " frames"]:
    """`values` as labels of `frames` frames; a row or a column counts as one dimension. Raises DataError."""
    if values.dtype.kind not in "biuf" or values.size != max(values.shape, default=0):
        raise DataError(f"{file}: {values.dtype} of shape {values.shape}; labels are one number a frame")
    flat = values.reshape(-1)
    wrong = np.flatnonzero(~((flat == 0) | (flat == 1)))
    if len(wrong):
        raise DataError(f"{file}: label {flat[wrong[0]]} at frame {wrong[0]}; labels are 0 or 1")
    if len(flat) != frames:
        raise DataError(
            f"{file}: {len(flat)} labels for {frames} frames; mend the labels or the video", name="label_length"
        )
    return flat.astype(np.uint8)


def from_ranges(ranges: Iterable[tuple[int, int]], frames: int, file: Path) -> UInt8[np.ndarray, " frames"]:
    """Labels from 0-based ranges, last frame included. Raises DataError where a range leaves the video."""
    labels = np.zeros(frames, dtype=np.uint8)
    for first, last in ranges:
        if first < 0 or last < first:
            raise DataError(f"{file}: the event from frame {first} to {last} (0-based) is no range")
        if last >= frames:
            raise DataError(f"{file}: an event ends at frame {last} (0-based) of {frames} frames", name="label_length")
        labels[first : last + 1] = 1
    return labels


def read_text(file: Path) -> str:
    """A small text file, UTF-8. Raises DataError for a large or a binary one."""
    size = file.stat().st_size
    if size > LARGEST_TEXT:
        raise DataError(f"{file} has {size} bytes; a text file of labels or names has at most {LARGEST_TEXT}")
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no UTF-8 text ({error.reason} at byte {error.start})") from error


def whole_number(text: str, where: str) -> int:
    """`text` as a whole number; `3.0` and `3.0e+00` count. Raises DataError that begins with `where`."""
    shown = repr(text.strip()[:40])
    if not _NUMBER.fullmatch(text.strip()):
        raise DataError(f"{where}: {shown} is no number")
    value = float(text)
    if not value.is_integer() or abs(value) > _LARGEST_NUMBER:
        raise DataError(f"{where}: {shown} is no whole number below {_LARGEST_NUMBER}")
    return int(value)


def read_npy(file: Path) -> np.ndarray:
    """An array of numbers; a pickle is refused, and so is a header that promises more than the file holds."""
    size = file.stat().st_size
    if size > LARGEST_ARRAY:
        raise DataError(f"{file} has {size} bytes; a file of labels has at most {LARGEST_ARRAY}")
    # Mapped before it is copied, so that a false header cannot ask for memory.
    return np.array(mapped_npy(file))


def mapped_npy(file: Path) -> np.ndarray:
    """A `.npy` file mapped into memory; no pickle, and no header that promises more than the file holds."""
    try:
        mapped: Any = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises whatever a false header leads to
        raise DataError(f"{file} is no plain .npy array of numbers ({error})") from error
    if not isinstance(mapped, np.ndarray):
        raise DataError(f"{file} is an archive under the name of an array: save it with numpy.save")
    return mapped


def read_rows(file: Path) -> list[list[str]]:
    """The lines of a table as cells, empty lines too. Raises DataError."""
    try:
        return list(csv.reader(read_text(file).splitlines()))
    except csv.Error as error:
        raise DataError(f"{file} is no table of short cells ({error})") from error


def _read_csv(file: Path) -> np.ndarray:
    rows = [row for row in read_rows(file) if row]
    if rows and [cell.strip().lower() for cell in rows[0]] == ["frame", "label"]:
        rows = rows[1:]
    labels: dict[int, int] = {}
    for line, row in enumerate(rows, start=1):
        where = f"{file}: row {line}"
        if len(row) != 2:
            raise DataError(f"{where} has {len(row)} columns; write frame,label")
        frame = whole_number(row[0], where)
        if frame in labels:
            raise DataError(f"{where}: frame {frame} is labeled twice")
        labels[frame] = whole_number(row[1], where)
    for position, frame in enumerate(sorted(labels)):
        if frame != position:
            raise DataError(
                f"{file}: frame {min(frame, position)} stands where 0, 1, 2, … is due: label each frame once"
            )
    return np.array([labels[frame] for frame in sorted(labels)], dtype=np.int64)


def _read_txt(file: Path) -> np.ndarray:
    lines = read_text(file).splitlines()
    return np.array([whole_number(line, f"{file}: line {n}") for n, line in enumerate(lines, start=1)], dtype=np.int64)
