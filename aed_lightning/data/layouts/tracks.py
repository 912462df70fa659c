"""Tracks as a table: `track_id,frame,x0,y0,x1,y1,kind`, one line an object in a frame."""

import math
from pathlib import Path

from ...core import DataError, Region
from .labels import read_rows, whole_number

COLUMNS = ["track_id", "frame", "x0", "y0", "x1", "y1", "kind"]


def read_regions(file: Path, frames: int) -> list[Region]:
    """The lines of a table of tracks, in its order. Raises DataError with the line that is none."""
    rows = read_rows(file)
    if not rows or [cell.strip() for cell in rows[0]] != COLUMNS:
        raise DataError(f"{file}: the first line must be {','.join(COLUMNS)}")
    regions: list[Region] = []
    seen: set[tuple[int, int]] = set()
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        region = _region(row, f"{file}: line {line}")
        if not 0 <= region.frame < frames:
            raise DataError(f"{file}: frame {region.frame} of {frames} frames", name="label_length")
        if (region.track, region.frame) in seen:
            raise DataError(f"{file}: line {line}: track {region.track} is in frame {region.frame} twice")
        seen.add((region.track, region.frame))
        regions.append(region)
    return regions


def refuse_outside(regions: list[Region], size: tuple[int, int], file: Path) -> None:
    """Raises DataError for a box that leaves a frame of `size` (height, width)."""
    for region in regions:
        x0, y0, x1, y1 = region.box
        if min(x0, y0) < 0 or x1 > size[1] or y1 > size[0]:
            raise DataError(
                f"{file}: track {region.track} in frame {region.frame}: the box {x0:g},{y0:g},{x1:g},{y1:g} leaves the "
                f"frame of {size[1]}x{size[0]}; cut it to the frame"
            )


def _region(row: list[str], where: str) -> Region:
    if len(row) != len(COLUMNS):
        raise DataError(f"{where} has {len(row)} columns instead of {len(COLUMNS)}")
    x0, y0, x1, y1 = (_number(cell, where) for cell in row[2:6])
    if x1 <= x0 or y1 <= y0:
        raise DataError(f"{where}: the box {x0:g},{y0:g},{x1:g},{y1:g} is empty; x1 and y1 lie just outside the object")
    return Region(whole_number(row[0], where), whole_number(row[1], where), (x0, y0, x1, y1), row[6].strip())


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: {text.strip()!r} is no number") from error
    if not math.isfinite(value):
        raise DataError(f"{where}: {text.strip()!r} is no place in a frame")
    return value
