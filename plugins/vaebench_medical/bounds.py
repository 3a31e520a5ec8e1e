"""Limits on the sizes that a file may claim, checked before the file is decoded, and on the amount decoded at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition

MAX_PIXELS = 2**26
"""The maximum number of pixels of a picture file, and of all pictures that are decoded at the same time. The largest
digital mammograms have 27 million pixels. Decoding takes up to 16 bytes per pixel, so at most 1 GiB."""
MAX_PICTURE_BYTES = 2**29
"""The maximum size of a DICOM file, which is read completely: MAX_PIXELS pixels of eight bytes each."""
MAX_VOLUME_BYTES = 2**29
"""The maximum size of a volume's voxels in bytes. All voxels are read into memory, and two volumes are cached. A CT of
1,000 slices has 5.2e8 bytes."""
MAX_ARRAY_BYTES = 2**34
"""The maximum size in bytes of an array that is read row by row. The largest array in MedMNIST, PathMNIST at 224
pixels, has 13.5e9 bytes."""
MAX_DRAWN_BYTES = 2**37
"""The maximum size in bytes of a split's resized images, which may be stored on disk. PathMNIST at 512 pixels has
7.1e10 bytes."""
MAX_LOADED_BYTES = 2**28
"""The maximum size in bytes of an array that is loaded completely: labels, or one image of a stack."""
MAX_ARRAY_HEADER = 10_000
"""The maximum size of an NPY header in bytes: NumPy's own limit, which NumPy only checks after reading the header."""
MAX_DIRECTORY_BYTES = 2**25
"""The maximum size in bytes of the list of members of a zip file, enough for about 300,000 members. Python needs ten
times as much memory for the list."""
MAX_RATIO = 100
"""The maximum ratio of an archive's unpacked size to its packed size. Published archives contain compressed pictures,
so their ratio is below 2."""
MAX_TABLE_BYTES = 2**28
"""The maximum size of a table in bytes, enough for two million rows of 128 characters."""
MAX_LINE = 2**20
"""The maximum number of characters in a line of a table."""
MAX_DOWNLOAD_BYTES = 2**35
"""The maximum size of a download in bytes, needed because some servers do not announce the length. The largest file of
MedMNIST has 12.6e9 bytes."""


def check_pixels(*sides: int) -> int:
    """Return the product of the sides (height, width and perhaps frames). Raise ValueError if it is 0 or too large."""
    count = math.prod(sides)
    if min(sides) < 1:
        raise ValueError(f"the header is invalid ({_times(sides)} pixels); download or copy the file again")
    if count > MAX_PIXELS:
        raise ValueError(
            f"the header gives {_times(sides)} pixels, more than the {MAX_PIXELS:,} allowed; make the picture smaller"
        )
    return count


def check_array(name: str, shape: Sequence[int], itemsize: int, most: int = MAX_ARRAY_BYTES) -> int:
    """Return the number of bytes of an array. Raise ValueError if it exceeds `most`, or would exceed `most` if empty
    axes had length one: no valid file stores 10**14 empty rows."""
    if any(side < 0 for side in shape):
        raise ValueError(f"{name} would have the shape {tuple(shape)}, but lengths cannot be negative")
    if math.prod(max(side, 1) for side in shape) * max(itemsize, 1) > most:
        raise ValueError(
            f"{name} would have the shape {tuple(shape)} with {itemsize} bytes per value, in total more than {most:,} "
            "bytes"
        )
    return math.prod(shape) * itemsize


class Room:
    """Lets threads run concurrently as long as their combined need does not exceed `total`."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._changed = Condition()

    @contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Reserve `amount` while the context is open; wait until this much is free. If more than the total is
        requested, wait until nothing else is reserved."""
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
