"""Slices of NIfTI-1 volumes (`.nii`, `.nii.gz`) as grey pictures in radiological view: the patient's right on the left,
the front or the head at the top. Only headers and voxels are read, and only if their sizes are within the bounds."""

from __future__ import annotations

import gzip
import struct
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

import numpy as np

from vaebench_medical import bounds

PLANES = ("sagittal", "coronal", "axial")
"""The planes, by the direction in which slices follow each other: to the right, to the front, to the head"""
SUFFIXES = (".nii", ".nii.gz")
HEADER, SECOND = 348, 540
"""The sizes of NIfTI-1 and NIfTI-2 headers in bytes; a header begins with its size"""
KINDS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
"""The format's codes of data types with one value per voxel"""
SAMPLE = 2**20
"""The number of voxels from which the brightness range of a volume is estimated"""
DARKEST, BRIGHTEST = 0.5, 99.5
"""The percentiles of all voxels that are displayed as black and white"""
LOCK = Lock()


class Header(NamedTuple):
    shape: tuple[int, int, int]
    dtype: np.dtype
    start: int
    """the position of the first voxel in the file, in bytes"""
    directions: np.ndarray
    """(3, 3): column i is the step along axis i of the file, towards the patient's right, front and head"""
    inverse: bool
    """whether larger values are darker"""


class Volume(NamedTuple):
    """Voxels, indexed from left to right, back to front and foot to head."""

    voxels: np.ndarray
    black: float
    white: float
    inverse: bool


def is_volume(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def path_of(volume: Path, plane: str, number: int) -> Path:
    """Return the virtual path of a slice: VOLUME/PLANE/NUMBER."""
    return volume / plane / f"{number:05d}"


def volume_of(path: Path) -> Path | None:
    """Return the volume file of a slice's virtual path, or None for any other path."""
    return path.parents[1] if path.parent.name in PLANES and is_volume(path.parents[1]) else None


def count(volume: Path, plane: str) -> int:
    """Return the number of slices in a volume."""
    with _opened(volume) as stream:
        header = read_header(stream)
    axes, _ = orientation(header.directions)
    return header.shape[axes[PLANES.index(plane)]]


def check(path: Path) -> int:
    """Return the maximum number of pixels of a slice, from the header. Raise ValueError if it exceeds a bound."""
    with _opened(path.parents[1]) as stream:
        return bounds.check_pixels(*sorted(read_header(stream).shape)[1:])


def read(path: Path) -> np.ndarray:
    """Return a slice as uint8 (H, W), with grey values scaled by percentiles of the whole volume."""
    file = path.parents[1]
    stat = file.stat()
    with LOCK:  # slices of a volume are requested together: the first request reads it, the others use the cache
        volume = _volume(file, stat.st_mtime_ns, stat.st_size)
    black, white = volume.black, volume.white
    values = volume.voxels.take(int(path.name), PLANES.index(path.parent.name))[::-1, ::-1].T.astype(np.float32)
    shown = np.clip((np.nan_to_num(values, nan=black, posinf=white, neginf=black) - black) / (white - black), 0, 1)
    return np.rint((1 - shown if volume.inverse else shown) * 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _volume(file: Path, _time: int, _size: int) -> Volume:
    """Read a volume. Two volumes are cached, so that threads can finish one volume while others begin the next."""
    with _opened(file) as stream:
        header = read_header(stream)
        stream.seek(header.start)
        wanted = int(np.prod(header.shape)) * header.dtype.itemsize
        data = stream.read(wanted)
    if len(data) < wanted:
        told = f"the header gives {wanted:,} bytes of voxels, but the file has {len(data):,}"
        raise ValueError(f"{told}; download or copy it again")
    voxels = np.frombuffer(data, header.dtype)
    some = voxels[:: voxels.size // SAMPLE | 1].astype(np.float64)
    some = some[np.isfinite(some)]
    black, white = np.percentile(some, [DARKEST, BRIGHTEST]) if some.size else (0.0, 0.0)
    if some.size and white <= black:
        black, white = some.min(), some.max()
    if white <= black:
        raise ValueError("all voxels have the same value; export or download the file again")
    axes, turned = orientation(header.directions)
    placed = voxels.reshape(header.shape, order="F").transpose(axes)
    placed = placed[tuple(slice(None, None, -1 if turn else 1) for turn in turned)]
    return Volume(placed, float(black), float(white), header.inverse)


def read_header(stream: IO[bytes]) -> Header:
    """Return the header at the start of a file. Raise ValueError if it is invalid or exceeds a bound."""
    raw = stream.read(HEADER)
    order = {HEADER.to_bytes(4, "little"): "<", HEADER.to_bytes(4, "big"): ">"}.get(raw[:4])
    if raw[:4] in (SECOND.to_bytes(4, "little"), SECOND.to_bytes(4, "big")):
        raise ValueError("the format is NIfTI-2; save the file as NIfTI-1")
    if order is None or len(raw) < HEADER or raw[344:348] != b"n+1\0":
        raise ValueError("the file is not a NIfTI-1 file with header and voxels; save both in one .nii or .nii.gz file")
    rank, *sides = struct.unpack_from(f"{order}8h", raw, 40)
    if not 3 <= rank <= 7 or any(side != 1 for side in sides[3:rank]):
        told = " x ".join(map(str, sides[: max(rank, 0)]))
        found = f"the file has {told or 'no'} voxels"
        raise ValueError(f"{found}, not one three-dimensional volume; save one volume per file")
    kind, step = struct.unpack_from(f"{order}h", raw, 70)[0], struct.unpack_from(f"{order}8f", raw, 76)
    if kind not in KINDS:
        raise ValueError(f"data type {kind} is not supported; save one integer or float per voxel")
    dtype = np.dtype(order + KINDS[kind])
    start, slope = struct.unpack_from(f"{order}2f", raw, 108)
    if min(sides[:3]) < 1 or not HEADER <= start <= bounds.MAX_PICTURE_BYTES:
        found = f"{sides[:3]} voxels from byte {start:g}"
        raise ValueError(f"the header is invalid ({found}); download or copy the file again")
    bounds.check_array("the volume", sides[:3], dtype.itemsize, bounds.MAX_VOLUME_BYTES)
    return Header((sides[0], sides[1], sides[2]), dtype, int(start), _directions(raw, order, step), slope < 0)


def orientation(directions: np.ndarray) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Return the file's axis closest to each direction (right, front, head), and whether it points the opposite way."""
    unit = directions / np.linalg.norm(directions, axis=0)
    axes = max(permutations(range(3)), key=lambda order: sum(abs(unit[i, axis]) for i, axis in enumerate(order)))
    return axes, tuple(bool(unit[i, axis] < 0) for i, axis in enumerate(axes))


def _directions(raw: bytes, order: str, step: tuple[float, ...]) -> np.ndarray:
    """Return the directions from the header's affine matrix or, without one, from its quaternion or the file's axes."""
    quaternion, affine = struct.unpack_from(f"{order}2h", raw, 252)
    if affine > 0:
        found = np.array(struct.unpack_from(f"{order}12f", raw, 280)).reshape(3, 4)[:, :3]
    elif quaternion > 0:
        b, c, d = struct.unpack_from(f"{order}3f", raw, 256)
        a = max(0.0, 1 - b * b - c * c - d * d) ** 0.5
        turn = [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
        found = np.array(turn) * [step[1], step[2], step[3] * (-1 if step[0] < 0 else 1)]
    else:
        found = np.eye(3)
    if not np.isfinite(found).all() or not np.linalg.norm(found, axis=0).all():
        raise ValueError("the voxels have no valid orientation; save the file with a valid sform or qform")
    return found


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")
