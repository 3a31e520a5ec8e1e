"""Arrays in `.npz` files, read row by row: no data are unpickled, and only a few rows are in memory at once."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from vaebench_medical import archive, bounds, npy

CHUNK = 2**20
"""The number of bytes inflated at once"""


class Rows:
    """An array in an open `.npz` file: its shape, and its rows in order."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name
        self.shape, fortran, self.dtype, self.bytes = npy.read_header(stream, name)
        if fortran or not self.shape:
            raise ValueError(f"{name} is not stored in row-major order; download the published file")
        bounds.check_array(f"a row of {name}", self.shape[1:], self.dtype.itemsize, bounds.MAX_LOADED_BYTES)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the rows in order, in blocks of about `CHUNK` bytes."""
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        step = max(1, CHUNK // max(1, row))
        for start in range(0, self.shape[0], step):
            count = min(step, self.shape[0] - start)
            content = self._stream.read(count * row)
            if len(content) != count * row:
                raise ValueError(f"{self._name} ends after {start} of {self.shape[0]} rows; download it again")
            yield np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])

    def ahead(self) -> Iterator[np.ndarray]:
        """Yield the same blocks, but inflate the next one in a thread while the caller processes the current one."""
        rows = iter(self)
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(next, rows, None)
            while (some := following.result()) is not None:
                following = pool.submit(next, rows, None)
                yield some

    def all(self) -> np.ndarray:
        bounds.check_array(self._name, self.shape, self.dtype.itemsize, bounds.MAX_LOADED_BYTES)
        return np.concatenate([*self, np.empty((0, *self.shape[1:]), self.dtype)])


@contextmanager
def array(path: Path, name: str) -> Iterator[Rows]:
    """Open the array `name` of an `.npz` file. On failure, raise ValueError with the file and the problem."""
    try:
        with archive.opened(path) as opened:
            names = opened.namelist()
            if f"{name}.npy" not in names:
                there = ", ".join(n.removesuffix(".npy") for n in names)
                raise ValueError(f"the file has no array {name!r}, only {there}; download the published file")
            member = archive.plain(opened.getinfo(f"{name}.npy"))
            with opened.open(member) as stream:
                rows = Rows(stream, name)
                if rows.bytes > member.file_size:
                    raise ValueError(f"{name} needs {rows.bytes} bytes of data, but its file has {member.file_size}")
                yield rows
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and download it again") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
