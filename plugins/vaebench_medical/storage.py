"""Storage for arrays that may be larger than memory."""

from __future__ import annotations

import math
import tempfile

import numpy as np
from numpy.typing import DTypeLike

BUDGET = 2**28
"""Arrays of more bytes than this are not kept in memory but in a temporary file, which the system pages in and out. A
dataset has up to three splits, so it takes less than 1 GiB of memory however large it is."""


def allocate(shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> np.ndarray:
    """Return an array in memory or, above the budget, in a temporary file that is deleted with the array."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= BUDGET:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="vaebench-") as file:
        return np.memmap(file, dtype, "w+", shape=shape)
