"""MATLAB files of labels (version 5 to 7), read with a bound on what they unpack to."""

import struct
import zlib
from pathlib import Path

import numpy as np
import scipy.io

from ...core import DataError

LARGEST_FILE = 2**30
LARGEST_CONTENT = 2**31
_HEADER, _COMPRESSED, _PIECE = 128, 15, 2**20


def read_mat(file: Path, variable: str) -> np.ndarray:
    """The array `variable` of a .mat file. Raises DataError where it is too large, broken or without the variable."""
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise DataError(f"{file} has {size} bytes; a .mat file of labels has at most {LARGEST_FILE}")
    _refuse_bomb(file)
    try:
        content = scipy.io.loadmat(file, variable_names=[variable])
    except Exception as error:  # scipy raises whatever a broken file leads to
        raise DataError(f"{file} cannot be read as a .mat file up to version 7 ({error}); save it anew") from error
    if variable not in content:
        raise DataError(f"{file} has no variable {variable!r}: is it a file of frame labels?")
    if not isinstance(content[variable], np.ndarray):
        raise DataError(f"{file}: {variable} is no array; save it as numbers or cells")
    return np.asarray(content[variable])


def _refuse_bomb(file: Path) -> None:
    """Refuse a file whose compressed parts unpack to more than the limit; count, keep nothing."""
    unpacked = 0
    with file.open("rb") as stream:
        header = stream.read(_HEADER)
        order = ">" if header[126:128] == b"MI" else "<"
        while len(tag := stream.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != _COMPRESSED:
                stream.seek(length, 1)
                continue
            inflate = zlib.decompressobj()
            while length > 0 and (packed := stream.read(min(length, _PIECE))):
                length -= len(packed)
                while packed:
                    try:
                        unpacked += len(inflate.decompress(packed, _PIECE))
                    except zlib.error as error:
                        raise DataError(f"{file} is broken ({error}); replace it") from error
                    packed = inflate.unconsumed_tail
                    if unpacked > LARGEST_CONTENT:
                        raise DataError(f"{file} unpacks to more than {LARGEST_CONTENT} bytes; it is no file of labels")
