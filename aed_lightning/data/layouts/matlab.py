"""MATLAB files of labels (version 5 to 7).

scipy reads them, after every element of the wanted variable was looked at here: scipy believes the types and sizes that
a file claims, and ends the interpreter where they are false.
"""

import io
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io

from ...core import DataError

LARGEST_FILE = 2**30
LARGEST_CONTENT = 2**31
_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_CELL, _NUMBERS = 1, range(6, 16)
_COMPLEX = 1 << 11
_MOST_NESTED = 2
_HEAD = 512
"""Unpacked bytes that hold the name of a variable."""


def read_mat(file: Path, variable: str) -> np.ndarray:
    """The array `variable` of a .mat file: numbers, or cells of numbers.

    Raises DataError where the file is too large, broken or without the variable, or where that is something else.
    """
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise DataError(f"{file} has {size} bytes; a .mat file of labels has at most {LARGEST_FILE}")
    content = file.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEADER])
    if order is None or struct.unpack(f"{order}H", content[124:126])[0] != 0x0100:
        raise _broken(file, "it does not begin as one")
    element = _variable(file, memoryview(content), order, variable)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + content[126:_HEADER]
    try:
        return np.asarray(scipy.io.loadmat(io.BytesIO(header + element))[variable])
    except (ValueError, TypeError, KeyError, NotImplementedError, OSError, MemoryError) as error:
        raise _broken(file, str(error)) from error


def _variable(file: Path, content: memoryview, order: str, variable: str) -> bytes:
    """The element of `variable`, unpacked and checked."""
    position = _HEADER
    while position < len(content):
        # Elements of a compressed file are not padded, so the next one is looked for where this one really ends.
        outer = _Elements(file, content, order).at(position, len(content))
        packed = outer.kind == _COMPRESSED
        start, position = position, outer.stop if packed else outer.next
        body = content[outer.start : outer.stop] if packed else content[start:position]
        elements = _Elements(file, memoryview(_unpacked(file, body, _HEAD)) if packed else body, order)
        if elements.name() == variable:
            whole = _unpacked(file, body, LARGEST_CONTENT) if packed else bytes(body)
            _Elements(file, memoryview(whole), order).check()
            return whole
    raise DataError(f"{file} has no variable {variable!r}: is it a file of frame labels?")


def _unpacked(file: Path, packed: memoryview, limit: int) -> bytes:
    """Up to `limit` bytes of what was packed. Raises DataError where `LARGEST_CONTENT` is not enough."""
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(packed, limit)
        more = limit >= LARGEST_CONTENT and bool(inflate.decompress(inflate.unconsumed_tail, 1))
    except zlib.error as error:
        raise _broken(file, str(error)) from error
    if more:
        raise DataError(f"{file} unpacks to more than {LARGEST_CONTENT} bytes; it is no file of labels")
    return content


def _broken(file: Path, why: str) -> DataError:
    return DataError(f"{file} cannot be read as a .mat file up to version 7 ({why}); save it anew")


@dataclass(frozen=True)
class _Element:
    """Data at start to stop, the next element at `next`."""

    kind: int
    start: int
    stop: int
    next: int


@dataclass(frozen=True)
class _Elements:
    """The tagged elements of one variable."""

    file: Path
    content: memoryview
    order: str

    def at(self, position: int, limit: int) -> _Element:
        """The element at `position`, which may not go beyond `limit` in what it claims."""
        if position + 8 > limit:
            raise _broken(self.file, "it ends within an element")
        word, length = struct.unpack_from(f"{self.order}II", self.content, position)
        if word >> 16:
            if word >> 16 > 4:
                raise _broken(self.file, "a small element is too long")
            return _Element(word & 0xFFFF, position + 4, position + 4 + (word >> 16), position + 8)
        stop = position + 8 + length
        if stop > limit:
            raise _broken(self.file, f"an element claims {length} bytes of {limit - position - 8}")
        return _Element(word, position + 8, stop, min(limit, stop + -length % 8))

    def name(self) -> str:
        """Of the variable; its own element may be cut, since only its head was unpacked."""
        head = self._head(8, len(self.content))
        return bytes(self.content[head[2].start : head[2].stop]).decode("latin-1")

    def check(self) -> None:
        """Refuse whatever is not numbers or cells of numbers, with as many bytes as their dimensions need."""
        self._matrix(self._typed(0, len(self.content), _MATRIX), _MOST_NESTED)

    def _matrix(self, matrix: _Element, nested: int) -> None:
        flags, dimensions, name = self._head(matrix.start, matrix.stop)
        word = struct.unpack_from(f"{self.order}I", self.content, flags.start)[0]
        shape = struct.unpack_from(
            f"{self.order}{(dimensions.stop - dimensions.start) // 4}i", self.content, dimensions.start
        )
        count, position = math.prod(shape), name.next
        if len(shape) < 2 or min(shape) < 0 or count * (8 if word & 0xFF == _CELL else 1) > matrix.stop - position:
            raise _broken(self.file, f"an array claims the shape {shape}")
        if word & 0xFF in _NUMBERS and not word & _COMPLEX:
            numbers = self.at(position, matrix.stop)
            width = _BYTES_OF_TYPE.get(numbers.kind)
            if width is None or width * count != numbers.stop - numbers.start:
                raise _broken(self.file, f"an array of shape {shape} has {numbers.stop - numbers.start} bytes")
        elif word & 0xFF == _CELL and nested:
            for _ in range(count):
                cell = self._typed(position, matrix.stop, _MATRIX)
                if cell.stop > cell.start:
                    self._matrix(cell, nested - 1)
                position = cell.next
        else:
            raise DataError(f"{self.file}: a variable is neither numbers nor cells of numbers; save it as these")

    def _head(self, position: int, limit: int) -> tuple[_Element, _Element, _Element]:
        flags = self._typed(position, limit, _UINT32)
        dimensions = self._typed(flags.next, limit, _INT32)
        name = self._typed(dimensions.next, limit, _INT8)
        if flags.stop - flags.start != 8 or (dimensions.stop - dimensions.start) % 4:
            raise _broken(self.file, "an array has no flags or no shape")
        return flags, dimensions, name

    def _typed(self, position: int, limit: int, kind: int) -> _Element:
        element = self.at(position, limit)
        if element.kind != kind:
            raise _broken(self.file, f"an element of type {element.kind} is where one of type {kind} is due")
        return element
