"""Headers of NumPy's array files, which are checked before any data are read; no data are unpickled."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from vaebench_medical import bounds

MAGIC = b"\x93NUMPY"
READERS = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
"""For each format version: the number of bytes that store the header's length, and the function that reads it"""


class Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    bytes: int
    """the size of the data after the header"""


def read_header(stream: IO[bytes], name: str) -> Header:
    """Read the header at the stream's position. Raise ValueError if it is invalid or exceeds a bound."""
    start = stream.read(len(MAGIC) + 2)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 2:
        raise ValueError(f"{name} is not a NumPy array; download or copy the file again")
    version = (start[-2], start[-1])
    if version not in READERS:
        raise ValueError(f"{name} is written in NPY format {version[0]}.{version[1]}, which is not supported")
    count, read = READERS[version]
    told = stream.read(count)
    length = int.from_bytes(told, "little")
    if length > bounds.MAX_ARRAY_HEADER:
        raise ValueError(f"{name} has a header of {length} bytes, more than the {bounds.MAX_ARRAY_HEADER} allowed")
    shape, fortran, dtype = read(io.BytesIO(told + stream.read(length)))
    if dtype.hasobject:
        raise ValueError(f"{name} contains pickled objects, which are never loaded; download the published file")
    return Header(shape, fortran, dtype, bounds.check_array(name, shape, dtype.itemsize))


def open_picture(path: Path) -> np.ndarray:
    """Return the array of an `.npy` file, memory-mapped."""
    with path.open("rb") as file:
        header = read_header(file, "the file")
        bounds.check_array("the file", header.shape, header.dtype.itemsize, bounds.MAX_LOADED_BYTES * 4)
        start = file.tell()
    if path.stat().st_size < start + header.bytes:
        got = path.stat().st_size - start
        raise ValueError(f"the header gives {header.bytes} bytes of data, but the file has {got}; copy it again")
    if not header.bytes:
        raise ValueError(f"the array has shape {header.shape}; expected (H, W) or (H, W, 3)")
    order = "F" if header.fortran else "C"
    return np.memmap(path, header.dtype, "r", start, header.shape, order)
