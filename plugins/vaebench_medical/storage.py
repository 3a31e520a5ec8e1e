"""Room for arrays that may be larger than memory."""

from __future__ import annotations

import math
import tempfile

import numpy as np
from numpy.typing import DTypeLike

BUDGET = 2**28
"""Bytes: larger arrays lie in a temporary file, which the system pages in and out, instead of in memory. A dataset has
up to three splits, so it takes less than 1 GiB however large it is."""


def allocate(shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> np.ndarray:
    """An array in memory or, over the budget, in a temporary file that is deleted with the array."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= BUDGET:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="vaebench-") as file:
        return np.memmap(file, dtype, "w+", shape=shape)
