"""Small datasets in their published layouts, made for tests."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


class Trees:
    """Writes files to a temporary folder of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def pixels(seed: int, height: int = 40, width: int = 56, channels: int = 1) -> np.ndarray:
        shape = (height, width) if channels == 1 else (height, width, channels)
        return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)

    def place(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def save(self, name: str, image: np.ndarray | Image.Image, **options: object) -> Path:
        path = self.place(name)
        image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        image.save(path, **options)
        return path

    def flat(self, name: str, grey: int, mode: str = "L", size: tuple[int, int] = (56, 40)) -> Path:
        """Write a picture of one grey level, in any mode."""
        return self.save(name, Image.new("L", size, grey).convert(mode))

    def dicom(self, name: str, pixels: np.ndarray = RAMP, stored: int = 12, **tags: object) -> Path:
        """Write a radiograph with `stored` bits per pixel and, unless given, no optional tags."""
        path = self.place(name)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
        meta.MediaStorageSOPInstanceUID = "1.2.3"
        header = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
        header.Rows, header.Columns = pixels.shape[:2]
        header.SamplesPerPixel = 1
        header.PhotometricInterpretation = "MONOCHROME2"
        header.BitsAllocated = 8 * pixels.itemsize
        header.BitsStored, header.HighBit = stored, stored - 1
        header.PixelRepresentation = int(pixels.dtype.kind == "i")
        header.PixelData = pixels.tobytes()
        for tag, value in tags.items():
            setattr(header, tag, value)
        header.save_as(path)
        return path

    def truncated(self, name: str) -> Path:
        content = io.BytesIO()
        Image.fromarray(self.pixels(0, 200, 200)).save(content, "JPEG")
        path = self.place(name)
        path.write_bytes(content.getvalue()[:-2000])
        return path

    def pictures(self, names: Mapping[str, list[str]]) -> Path:
        """Write files as in `{"train/NORMAL": ["a.png", "b.png"]}`; their grey level is ten times their number in the
        list."""
        for folder, files in names.items():
            for i, file in enumerate(files):
                self.flat(f"{folder}/{file}", 10 * (i + 1))
        return self.root

    def csv(self, name: str, heading: str, *lines: str) -> Path:
        path = self.place(name)
        path.write_text("\n".join([heading, *lines]) + "\n")
        return path


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)
