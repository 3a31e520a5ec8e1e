"""Picture sizes claimed by JPEG, JPEG-LS and JPEG 2000 streams, and unpacked sizes of RLE data; nothing is decoded."""

from __future__ import annotations

import struct
from itertools import pairwise

FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers that give the size: SOF0 to SOF15, and SOF55 of JPEG-LS"""
SIZE_2000 = b"\xff\x4f\xff\x51"
"""The beginning of a JPEG 2000 stream: SOC, SIZ"""


def size_of(stream: bytes) -> tuple[int, int] | None:
    """Return the height and width that a stream claims, or None if it is damaged or in an unknown format."""
    start = stream.find(SIZE_2000, 0, 4096)  # in a JP2 file, the stream follows the file's boxes
    if start >= 0 and len(stream) >= start + 24:
        right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
        return bottom - top, right - left
    place = 2
    while stream[:2] == b"\xff\xd8" and place + 9 <= len(stream) and stream[place] == 0xFF:
        if stream[place + 1] == 0xFF:  # padding
            place += 1
        elif stream[place + 1] in FRAMES:
            height, width = struct.unpack_from(">2H", stream, place + 5)
            return height, width
        else:
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
    return None


def rle_bytes(frame: bytes) -> int:
    """Return the unpacked size of a DICOM RLE frame in bytes. Segments may overlap, so each is counted separately."""
    if len(frame) < 64:
        return 0
    count, *starts = struct.unpack_from("<16I", frame)
    starts = [*starts[: min(count, 15)], len(frame)]
    return sum(_packbits(frame[a:b]) for a, b in pairwise(starts))


def _packbits(segment: bytes) -> int:
    total = place = 0
    while place < len(segment):
        head = segment[place]
        total += 257 - head if head > 128 else head + 1 if head < 128 else 0
        place += 2 if head > 128 else head + 2 if head < 128 else 1
    return total
