"""DICOM radiographs as they are meant to be displayed: rescaled, windowed, white on black, uint8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vaebench_medical import bounds, codestream

INSTALL = 'install pydicom to read DICOM files: pip install "vaebench[dicom]"'
DEFLATED = "1.2.840.10008.1.2.1.99"
DECODERS = 'install its decoders: pip install "vaebench[dicom]"'


def read(path: Path) -> np.ndarray:
    """Return a DICOM file as uint8 (H, W), or (H, W, 3) if it is in colour. Raise ValueError if it cannot be read."""
    header = _header(path, stop_before_pixels=False)
    if "PixelData" not in header:
        raise ValueError("the file contains no pixels")
    _claimed(header)
    _check_stream(header)
    try:
        pixels = header.pixel_array
    except (RuntimeError, NotImplementedError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())
        syntax = header.file_meta.TransferSyntaxUID
        if syntax.is_compressed:
            told = f"pixels stored as {syntax.name} cannot be decoded ({reason}); {DECODERS}"
            raise ValueError(told) from error
        raise ValueError(f"the file is damaged ({reason}); download or copy it again") from error
    kind = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    if pixels.ndim == 3 and pixels.dtype == np.uint8 and (kind == "RGB" or kind.startswith("YBR")):
        return pixels
    if pixels.ndim != 2 or not kind.startswith("MONOCHROME"):
        raise ValueError(f"a {kind} picture of shape {pixels.shape} is not supported; convert it to PNG")
    return developed(header, pixels, inverse=kind == "MONOCHROME1")


def check(path: Path) -> int:
    """Return the number of pixels that the file claims, without reading them. Raise ValueError if it is too large."""
    if (size := path.stat().st_size) > bounds.MAX_PICTURE_BYTES:
        raise ValueError(f"the file has {size:,} bytes, more than the {bounds.MAX_PICTURE_BYTES:,} allowed")
    return max(_claimed(_header(path, stop_before_pixels=True)), size // 8)


def place(path: Path) -> tuple[str, int, float]:
    """Return the series that a slice belongs to, the direction in which the slices follow each other (0 to the left, 1
    to the back, 2 to the head), and the position of the slice in this direction, in mm."""
    header = _header(path, stop_before_pixels=True)
    turned, corner = header.get("ImageOrientationPatient"), header.get("ImagePositionPatient")
    if not turned or not corner or len(turned) != 6 or len(corner) != 3:
        raise ValueError("the file does not give the position of its slice; omit `slices` to read files as pictures")
    normal = np.cross([float(value) for value in turned[:3]], [float(value) for value in turned[3:]])
    axis = int(np.abs(normal).argmax())
    along = float(np.dot(normal, [float(value) for value in corner]))
    return str(header.get("SeriesInstanceUID", "")), axis, along if normal[axis] > 0 else -along


def _claimed(header: Any) -> int:
    frames, samples = int(header.get("NumberOfFrames") or 1), int(header.get("SamplesPerPixel") or 1)
    pixels = bounds.check_pixels(int(header.get("Rows") or 0), int(header.get("Columns") or 0), frames, samples)
    if frames > 1:
        raise ValueError(f"the file contains {frames} frames; save each frame as a separate file")
    return pixels


def _header(path: Path, stop_before_pixels: bool) -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise ValueError(INSTALL) from error
    try:
        # pydicom unpacks deflated files without a limit.
        if pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID") == DEFLATED:
            raise ValueError("deflated DICOM files are not supported; save the file as Explicit VR Little Endian")
        return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
    except pydicom.errors.InvalidDicomError as error:
        raise ValueError("the file is not a DICOM file; download or copy it again") from error


def _check_stream(header: Any) -> None:
    """Check that compressed pixels unpack to the size in the header: decoders allocate the size given in the stream."""
    syntax = header.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        return
    from pydicom.encaps import get_frame
    from pydicom.uid import RLELossless

    frame = get_frame(header.PixelData, 0, number_of_frames=1)
    told = int(header.Rows), int(header.Columns)
    given = f"the header gives {told[0]} x {told[1]} pixels"
    if syntax == RLELossless:
        most = 2 * (told[0] * told[1] * int(header.SamplesPerPixel) * int(header.BitsAllocated) // 8) + 2**16
        if (found := codestream.rle_bytes(frame)) > most:
            raise ValueError(f"{given}, but the RLE data unpack to {found:,} bytes")
    elif (size := codestream.size_of(frame)) not in (None, told):
        raise ValueError(f"{given}, but the compressed picture has {size[0]} x {size[1]} pixels")


def developed(header: Any, pixels: np.ndarray, inverse: bool) -> np.ndarray:
    """Convert stored values to grey values by a lookup table: a mammogram has many pixels but few distinct values."""
    low, high = int(pixels.min()), int(pixels.max())
    if high - low > 2**16:
        raise ValueError(f"the values range from {low} to {high}, more than fits in 16 bits; convert the file to PNG")
    shown = displayed(header, np.arange(low, high + 1).astype(pixels.dtype))
    table = np.rint((1 - shown if inverse else shown) * 255).astype(np.uint8)
    picture = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), 256):
        picture[start : start + 256] = table[pixels[start : start + 256].astype(np.intp) - low]
    return picture


def displayed(header: Any, pixels: np.ndarray) -> np.ndarray:
    """Return grey values in [0, 1] after the modality and VOI transforms of DICOM PS3.3 C.11.1 and C.11.2. If the file
    has no window and no table, the full range of its bits is used."""
    from pydicom.pixels import apply_modality_lut, apply_voi

    values = apply_modality_lut(pixels, header).astype(np.float64)
    if tables := header.get("VOILUTSequence"):
        top = 2 ** int(tables[0].LUTDescriptor[2]) - 1
        return np.clip(apply_voi(values.astype(np.int64), header) / top, 0, 1)
    centre, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if centre is None or width is None:
        low, high = _range(header)
        return np.clip((values - low) / (high - low), 0, 1)
    function = str(header.get("VOILUTFunction", "LINEAR")).upper()
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    return np.clip((values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5, 0, 1)


def _range(header: Any) -> tuple[float, float]:
    bits = int(header.BitsStored)
    if header.get("ModalityLUTSequence"):
        return 0.0, float(2 ** int(header.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    signed = bool(header.get("PixelRepresentation", 0))
    stored = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    low, high = sorted(slope * end + intercept for end in stored)
    return low, high


def _first(header: Any, tag: str) -> float | None:
    """Return the value of a tag: None if it is missing, the first value if it has several (one per window)."""
    value = header.get(tag)
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
