"""`.npz` archives from anywhere: no pickle, and no room made for what is not there."""

import math
import zipfile
from pathlib import Path
from typing import cast

import numpy as np

from ..core import DataError

LARGEST_UNPACKED = 2**31
"""Bytes of the arrays of one archive, such as the masks of one video."""


def read_npz(file: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive by their names; the header of each is compared with the archive's before it is unpacked.

    Raises DataError.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > LARGEST_UNPACKED:
                raise DataError(f"{file} unpacks to {size} bytes, more than {LARGEST_UNPACKED}")
            return {member.filename.removesuffix(".npy"): _array(archive, member, file) for member in members}
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise whatever a broken archive leads to
        raise DataError(f"{file} is no .npz archive of plain arrays ({error})") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> np.ndarray:
    with archive.open(member) as stream:
        promised = _promised_bytes(cast(zipfile.ZipExtFile, stream))
    if promised > member.file_size:
        raise DataError(f"{file}: its header promises {promised} bytes of {member.file_size}")
    with archive.open(member) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _promised_bytes(stream: zipfile.ZipExtFile) -> int:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return math.prod(shape) * dtype.itemsize
