"""Limits on the sizes that a file may claim, checked before it is decoded, and on the amount decoded at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition

MAX_PIXELS = 2**26
"""Pixels of one picture file, and of all pictures decoded at the same time. The largest digital mammograms have 27
million pixels. Decoding takes up to 16 bytes per pixel, so at most 1 GiB."""
MAX_PICTURE_BYTES = 2**29
"""Size of a DICOM file, which is read completely: MAX_PIXELS of eight bytes."""
MAX_VOLUME_BYTES = 2**29
"""Bytes of a volume's voxels, which are read completely; two volumes are cached. A CT of 1,000 slices has 5.2e8."""
MAX_ARRAY_BYTES = 2**34
"""Bytes of an array that is read row by row. The largest in MedMNIST, PathMNIST at 224 pixels, has 13.5e9."""
MAX_DRAWN_BYTES = 2**37
"""Bytes of an array on disk at the requested size: PathMNIST at 512 pixels has 7.1e10."""
MAX_LOADED_BYTES = 2**28
"""Bytes of an array that is loaded completely: labels, or one image of a stack."""
MAX_ARRAY_HEADER = 10_000
"""Bytes of an NPY header: NumPy's limit, which NumPy only checks after reading the header."""
MAX_DIRECTORY_BYTES = 2**25
"""Bytes of a zip's list of members, enough for about 300,000; Python needs ten times as much memory for it."""
MAX_RATIO = 100
"""An archive may unpack to this many times its size. Published archives contain compressed pictures: less than 2."""
MAX_TABLE_BYTES = 2**28
"""Size of a table: two million rows of 128 characters."""
MAX_LINE = 2**20
"""Characters of a line in a table."""
MAX_DOWNLOAD_BYTES = 2**35
"""Bytes of a download, whose length the server may not announce. The largest in MedMNIST has 12.6e9."""


def check_pixels(*sides: int) -> int:
    """Return the product of the sides (height, width and perhaps frames). Raise ValueError if it is out of bounds."""
    count = math.prod(sides)
    if min(sides) < 1:
        raise ValueError(f"claims {_times(sides)} pixels; get it again")
    if count > MAX_PIXELS:
        raise ValueError(f"claims {_times(sides)} pixels, more than the {MAX_PIXELS:,} allowed; make it smaller")
    return count


def check_array(name: str, shape: Sequence[int], itemsize: int, most: int = MAX_ARRAY_BYTES) -> int:
    """Return the number of bytes of an array. Raise ValueError if it is out of bounds, or would be if its empty axes
    had length one: no valid file stores 10**14 empty rows."""
    if any(side < 0 for side in shape):
        raise ValueError(f"{name} claims the shape {tuple(shape)}")
    if math.prod(max(side, 1) for side in shape) * max(itemsize, 1) > most:
        raise ValueError(
            f"{name} claims the shape {tuple(shape)} of {itemsize} bytes each, more than {most:,} bytes in all"
        )
    return math.prod(shape) * itemsize


class Room:
    """Lets threads run concurrently as long as their combined need does not exceed `total`."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._changed = Condition()

    @contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Wait until there is room; an amount above the total waits until no other thread is working."""
        amount = min(amount, self._total)
        with self._changed:
            self._changed.wait_for(lambda: amount <= self._free)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


def _times(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))
