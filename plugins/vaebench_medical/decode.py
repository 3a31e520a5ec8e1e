"""Decodes picture files to square uint8 arrays, grey or RGB, resized without aliasing; many files in parallel."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import track

from vaebench_medical import bounds, dicom, nifti, npy, storage

Aspect = Literal["stretch", "pad"]
"""The way in which an oblong picture is made square: stretched, or centred on black."""

DICOM = frozenset({".dcm", ".dicom"})
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".npy"}) | DICOM
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "PPM")
"""The formats that Pillow may open; it detects them by content, not by suffix. For some other formats, Pillow would
run external programs (`gs` for PostScript)."""
MAX_SCANS = 500
"""The maximum number of scans of a progressive JPEG: each scan takes as long to decode as the whole picture, even if
the scan has only a few bytes."""

# A triangle filter as wide as the sampling step: it averages all dropped pixels and adds no ringing (as Lanczos does),
# which would be an artificial sharpness cue.
FILTER = Image.Resampling.BILINEAR
HEADROOM = 3
"""A JPEG may be decoded at a half, a quarter or an eighth of its size, as long as its sides keep at least this many
pixels per output pixel."""
log = logging.getLogger(__name__)
PAUSE = 5.0
"""Seconds between two progress messages in the log"""
WORKERS = 16
"""The maximum number of threads; more threads would only wait for Python's global lock."""
ROOM = bounds.Room(bounds.MAX_PIXELS)
TILE = (0x0142, 0x0143)
"""The TIFF tags of a tile's width and height"""
ORIENTATION = 0x0112
"""The Exif tag of a picture's orientation; values of 5 and above swap height and width."""


def picture(path: Path, size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None) -> np.ndarray:
    """Return a picture file as uint8 (channels, size, size). Raise ValueError if it cannot be read.

    `bits` is the number of bits that are used in a file of more than 8 bits per value; by default, all 16 are used."""
    return with_native(path, size, channels, aspect, bits)[0]


def with_native(
    path: Path, size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the picture as `picture` returns it, and its height and width in the file, before resizing."""
    try:
        with ROOM.take(_checked(path)):
            image, native = _opened(path, size, channels, bits)
            image = _coloured(image, channels)
            if aspect == "pad":
                image = ImageOps.pad(image, (size, size), method=FILTER)
            return resized(np.asarray(image), size), native
    except MemoryError as error:
        raise ValueError(f"{path}: decoding needs more memory than is available") from error
    except Exception as error:  # decoders may raise anything for damaged files
        raise ValueError(f"{path}: {_reason(error)}") from error


def native_size(path: Path) -> tuple[int, int]:
    """Return the height and width of the picture in a file, from the file's header if possible."""
    if path.suffix.lower() in DICOM or path.suffix.lower() == ".npy":
        return with_native(path, 8, 1)[1]
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size if image.getexif().get(ORIENTATION, 1) > 4 else image.size[::-1]
    except Exception as error:  # as in `with_native`
        raise ValueError(f"{path}: {_reason(error)}") from error


def mask(path: Path, size: int, aspect: Aspect = "stretch") -> tuple[np.ndarray, tuple[int, int]]:
    """Return a mask as bool (size, size), and its height and width in the file, before resizing. Pixels above half of
    the maximum are marked, so that masks of 0 and 1 work as well as masks of 0 and 255. If the file has a palette, its
    first colour is the background."""
    try:
        with ROOM.take(_checked(path)), Image.open(path, formats=FORMATS) as image:
            ImageOps.exif_transpose(image, in_place=True)
            values = np.asarray(image if image.mode in ("1", "L", "P") else image.convert("L"))
            marked = values > (0 if image.mode == "P" else float(values.max()) / 2)
            drawn = Image.fromarray(marked.astype(np.uint8) * np.uint8(255))
            if aspect == "pad":
                drawn = ImageOps.pad(drawn, (size, size), method=FILTER)
            return resized(np.asarray(drawn), size)[0] > 127, (values.shape[0], values.shape[1])
    except Exception as error:  # as in `with_native`
        raise ValueError(f"{path}: {_reason(error)}") from error


def many(
    paths: Sequence[str], size: int, channels: int, aspect: Aspect = "stretch", bits: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures, uint8 (N, channels, size, size), in the order of the paths, and their heights and widths
    (N, 2) in the files, before resizing. A single ValueError reports all unreadable files."""
    images = storage.allocate((len(paths), channels, size, size))
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

    workers = min(os.cpu_count() or 1, WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        told = [pool.submit(work) for _ in range(workers)]
        try:
            faults = [fault for _, fault in sorted(fault for worker in told for fault in worker.result())]
        except BaseException:  # such as Ctrl-C: every thread stops after its current picture
            with lock:
                rows.close()
            raise
    if faults:
        listed = "\n".join(faults[:5]) + (f"\nand {len(faults) - 5} more" if len(faults) > 5 else "")
        raise ValueError(f"{len(faults)} of {len(paths)} pictures cannot be read:\n{listed}")
    return images, native


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize uint8 (H, W) or (H, W, 3) to uint8 (channels, size, size)."""
    if pixels.shape[:2] != (size, size):
        pixels = np.asarray(Image.fromarray(pixels).resize((size, size), FILTER))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def is_colour(path: Path, bits: int | None = None) -> bool:
    """Return whether a picture contains colours other than greys, whatever mode it is stored in."""
    small = picture(path, 64, 3, bits=bits).astype(np.int16)
    return bool((small.max(axis=0) - small.min(axis=0)).max() > 16)


def _checked(path: Path) -> int:
    """Return the number of pixels that the file claims, without decoding it. Raise ValueError if it is too large."""
    if nifti.volume_of(path):
        return nifti.check(path)
    suffix = path.suffix.lower()
    if suffix in DICOM:
        return dicom.check(path)
    if suffix == ".npy":
        return bounds.check_pixels(*_planes(npy.open_picture(path)).shape[:2])
    with Image.open(path, formats=FORMATS) as image:
        pixels = bounds.check_pixels(image.height, image.width)
        if image.format == "TIFF":
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError(f"the file contains {image.n_frames} pages; save each page as a separate file")
            bounds.check_pixels(*(image.tag_v2.get(tag, 1) for tag in TILE))
    if image.info.get("progressive") and path.read_bytes().count(b"\xff\xda") > MAX_SCANS:
        raise ValueError(f"the JPEG has more than {MAX_SCANS} scans; convert it to PNG")
    return pixels


def _opened(path: Path, size: int, channels: int, bits: int | None) -> tuple[Image.Image, tuple[int, int]]:
    suffix = path.suffix.lower()
    if nifti.volume_of(path):
        array = nifti.read(path)
        return Image.fromarray(array), (array.shape[0], array.shape[1])
    if suffix in DICOM or suffix == ".npy":
        array = dicom.read(path) if suffix in DICOM else _shallow(_planes(npy.open_picture(path)), bits)
        return Image.fromarray(array), (array.shape[0], array.shape[1])
    with Image.open(path, formats=FORMATS) as image:
        turns = image.getexif().get(ORIENTATION, 1) > 4
        native = image.size if turns else image.size[::-1]
        image.draft("L" if channels == 1 else "RGB", (HEADROOM * size, HEADROOM * size))
        image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F" or image.mode.startswith("I"):
        image = Image.fromarray(_shallow(np.asarray(image), bits))
    return image, native


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    if image.has_transparency_data:
        opaque = image if image.mode == "RGBA" else image.convert("RGBA")  # converting copies
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, "black"), opaque)
    mode = "L" if channels == 1 else "RGB"
    if image.mode in ("1", "P", "CMYK", "RGBA", "LA", "PA") and mode == "L":
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _planes(array: np.ndarray) -> np.ndarray:
    """Convert (H, W), (H, W, 1), (1, H, W), (H, W, 3) or (3, H, W) to (H, W) or (H, W, 3)."""
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"the array has shape {array.shape}; expected (H, W) or (H, W, 3)")
    return array


def _shallow(array: np.ndarray, bits: int | None) -> np.ndarray:
    """Convert grey values of more than 8 bits to uint8, with a scale that does not depend on the picture."""
    if array.dtype == np.uint8 and bits in (None, 8):
        return np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if not array.size:
        raise ValueError("the file contains no pixels")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            raise ValueError(f"the file contains floats from {low:g} to {high:g}; scale them to 0..1, or save integers")
        return _scaled(array, 255)
    if array.dtype.kind not in "ui":
        raise ValueError(f"the file contains values of type {array.dtype}; expected integers or floats")
    top = 2 ** (bits or 16) - 1
    if low < 0 or high > top:
        raise ValueError(
            f"values from {low} to {high} do not fit into {bits or 16} bits; save the picture with 8 or 16 bits"
        )
    if bits is None and 0 < high < 4096:
        raise ValueError(
            f"the 16-bit values are at most {high}, so the picture would look almost black; give the number of bits "
            "used, for example bits=12"
        )
    return _scaled(array, 255 / top)


def _scaled(array: np.ndarray, factor: float) -> np.ndarray:
    """Scale a picture to uint8, 256 rows at a time, because floats take many times the memory of the picture."""
    scaled = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), 256):
        rows = array[start : start + 256]
        scaled[start : start + 256] = np.rint((rows if rows.dtype.kind == "f" else rows.astype(np.float64)) * factor)
    return scaled


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, PermissionError):
        return "the file cannot be read; change its permissions"
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    if isinstance(error, Image.DecompressionBombError):
        claimed = "".join(re.findall(r"\d+", text)[:1])  # Pillow's own bound is the second number
        limit = f"more than the {bounds.MAX_PIXELS:,} allowed"
        return f"the header gives {claimed} pixels, {limit}; make the picture smaller"
    if type(error) is ValueError and "truncated" not in text:
        return text
    reason = " ".join(text.split()) or type(error).__name__
    return f"the file is damaged or not a picture ({reason}); download or copy it again"


def _with_progress(count: int) -> Generator[int, None, None]:
    """Yield row numbers; show a progress bar on a terminal, and log a message every few seconds."""
    shown, told = Console(stderr=True), time.monotonic()
    for row in track(range(count), "decoding", console=shown, transient=True, disable=not sys.stderr.isatty()):
        if time.monotonic() - told > PAUSE:
            told = time.monotonic()
            log.info("decoded %s of %s pictures", row, count)
        yield row
