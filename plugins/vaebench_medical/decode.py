"""Picture files as uint8 squares: opened, made grey or RGB, resized without aliasing; one, or many in threads."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import track

from vaebench_medical import dicom

Aspect = Literal["stretch", "pad"]
"""How an oblong picture becomes a square: squeezed, or centred on black."""

DICOM = frozenset({".dcm", ".dicom"})
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".npy"}) | DICOM

# A triangle filter as wide as the step it takes: it averages all pixels it drops, and adds no ringing (Lanczos does),
# which would be a sharpness cue of its own.
FILTER = Image.Resampling.BILINEAR
HEADROOM = 3
"""A JPEG may be decoded at a half, a quarter or an eighth, as long as this many pixels remain for each one wanted."""
BUDGET = 2**31
"""Bytes: larger splits are decoded into a temporary file, which the system pages in and out, instead of into memory."""
ORIENTATION = 0x0112
"""The Exif tag; from 5 on, it swaps height and width."""


def picture(path: Path, size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None) -> np.ndarray:
    """The file as uint8 (channels, size, size). A ValueError names the file and what is wrong with it.

    `bits` says how many bits of a deeper file are used; unless given, all 16."""
    return with_native(path, size, channels, aspect, bits)[0]


def with_native(
    path: Path, size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """The picture, and the height and width that the file has."""
    try:
        image, native = _opened(path, size, channels, bits)
        image = _coloured(image, channels)
        if aspect == "pad":
            image = ImageOps.pad(image, (size, size), method=FILTER)
        return resized(np.asarray(image), size), native
    except MemoryError:
        raise
    except Exception as error:  # decoders answer damaged files with whatever comes to them
        raise ValueError(f"{path}: {_reason(error)}") from error


def many(
    paths: Sequence[str], size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, channels, size, size) in the order of the paths, and the height and width (N, 2) of each file. One
    ValueError names all unreadable files."""
    images = allocate((len(paths), channels, size, size))
    native = np.empty((len(paths), 2), np.int32)
    rows = _with_progress(len(paths))
    lock = Lock()

    def work() -> list[tuple[int, str]]:
        faults: list[tuple[int, str]] = []
        while True:
            with lock:
                row = next(rows, None)
            if row is None:
                return faults
            try:
                images[row], native[row] = with_native(Path(paths[row]), size, channels, aspect, bits)
            except ValueError as error:
                faults.append((row, str(error)))

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        told = [pool.submit(work) for _ in range(workers)]
        try:
            faults = [fault for _, fault in sorted(fault for worker in told for fault in worker.result())]
        except BaseException:  # Ctrl-C, say: every thread stops after the picture in hand
            with lock:
                rows.close()
            raise
    if faults:
        listed = "\n".join(faults[:5]) + (f"\nand {len(faults) - 5} more" if len(faults) > 5 else "")
        raise ValueError(f"{len(faults)} of {len(paths)} pictures cannot be read:\n{listed}")
    return images, native


def allocate(shape: tuple[int, ...]) -> np.ndarray:
    """Room for the images of a split: in memory or, over the budget, in a temporary file that goes with the array."""
    if int(np.prod(shape)) <= BUDGET:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(prefix="vaebench-") as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3) -> uint8 (channels, size, size)"""
    if pixels.shape[:2] != (size, size):
        pixels = np.asarray(Image.fromarray(pixels).resize((size, size), FILTER))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def is_colour(path: Path, bits: int | None = None) -> bool:
    """Whether a picture shows more than greys, whatever mode it is stored in."""
    small = picture(path, 64, 3, bits=bits).astype(np.int16)
    return bool((small.max(axis=0) - small.min(axis=0)).max() > 16)


def _opened(path: Path, size: int, channels: int, bits: int | None) -> tuple[Image.Image, tuple[int, int]]:
    suffix = path.suffix.lower()
    if suffix in DICOM or suffix == ".npy":
        array = dicom.read(path) if suffix in DICOM else _shallow(_planes(np.load(path, mmap_mode="r")), bits)
        return Image.fromarray(array), (array.shape[0], array.shape[1])
    with Image.open(path) as image:
        if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
            raise ValueError(f"holds {image.n_frames} pages; save each as a file of its own")
        turns = image.getexif().get(ORIENTATION, 1) > 4
        native = image.size if turns else image.size[::-1]
        image.draft("L" if channels == 1 else "RGB", (HEADROOM * size, HEADROOM * size))
        image.load()
        turned = ImageOps.exif_transpose(image)
    if turned.mode == "F" or turned.mode.startswith("I"):
        turned = Image.fromarray(_shallow(np.asarray(turned), bits))
    return turned, native


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, "black"), opaque)
    mode = "L" if channels == 1 else "RGB"
    if image.mode in ("1", "P", "CMYK", "RGBA", "LA", "PA") and mode == "L":
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _planes(array: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1), (1, H, W), (H, W, 3) or (3, H, W) -> (H, W) or (H, W, 3)"""
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"has shape {array.shape}; expected (H, W) or (H, W, 3)")
    return np.ascontiguousarray(array)


def _shallow(array: np.ndarray, bits: int | None) -> np.ndarray:
    """Deep greys as uint8, by a scale that does not depend on the picture."""
    if array.dtype == np.uint8 and bits in (None, 8):
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if not array.size:
        raise ValueError("holds no pixels")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            raise ValueError(f"holds decimal numbers from {low:g} to {high:g}; scale them to 0..1, or save integers")
        return np.rint(array * 255).astype(np.uint8)
    if array.dtype.kind not in "ui":
        raise ValueError(f"holds {array.dtype}; expected integers or decimal numbers")
    top = 2 ** (bits or 16) - 1
    if low < 0 or high > top:
        raise ValueError(f"holds values from {low} to {high}, more than {bits or 16} bits; save it with 8 or 16 bits")
    if bits is None and 0 < high < 4096:
        raise ValueError(
            f"holds 16-bit values that end at {high}, almost black; say how many bits are used, as in bits=12"
        )
    return np.rint(array.astype(np.float64) * (255 / top)).astype(np.uint8)


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, PermissionError):
        return "may not be read; change its permissions"
    if isinstance(error, FileNotFoundError):
        return "is not there"
    if isinstance(error, Image.DecompressionBombError):
        return f"claims to be enormous ({text}); get it again"
    if type(error) is ValueError and "truncated" not in text:
        return text
    return f"is damaged or no picture ({' '.join(text.split()) or type(error).__name__}); get it again"


def _with_progress(count: int) -> Generator[int, None, None]:
    """Row numbers, with a bar on a terminal."""
    shown = Console(stderr=True)
    yield from track(range(count), "decoding", console=shown, transient=True, disable=not sys.stderr.isatty())
