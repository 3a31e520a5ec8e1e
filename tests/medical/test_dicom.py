"""DICOM radiographs come out as pydicom's own transforms say, white on black, or with a reason why not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import JPEGLSLossless, RLELossless

from vaebench_medical import decode, dicom


def expected(path: Path) -> np.ndarray:
    """What pydicom makes of modality and VOI transforms, in [0, 1]."""
    header = pydicom.dcmread(path)
    shown = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header).astype(float)
    return (shown - shown.min()) / (shown.max() - shown.min())


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(trees, function):
    path = trees.dicom("x.dicom", WindowCenter=2000, WindowWidth=900, VOILUTFunction=function)
    shown = dicom.read(path) / 255
    assert abs(shown - expected(path)).max() < (0.02 if function == "SIGMOID" else 0.004)
    if function != "SIGMOID":
        assert shown.min() == 0 and shown.max() == 1


def test_the_first_of_several_windows_counts_after_rescaling(trees):
    path = trees.dicom("x.dcm", WindowCenter=[1000, 9], WindowWidth=[500, 1], RescaleSlope=2, RescaleIntercept=-1024)
    assert abs(dicom.read(path) / 255 - expected(path)).max() < 0.004


def test_a_table_of_greys_is_followed(trees):
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "US", np.linspace(65535, 0, 4096).astype(np.uint16).tolist())
    path = trees.dicom("x.dcm", VOILUTSequence=[table])
    shown = dicom.read(path)
    assert shown[0, 0] == 255 and shown[-1, -1] == 0
    assert abs(shown / 255 - expected(path)).max() < 0.004


def test_monochrome1_is_turned_to_white_on_black(trees):
    plain, inverse = trees.dicom("a.dcm"), trees.dicom("b.dcm", PhotometricInterpretation="MONOCHROME1")
    assert (dicom.read(plain).astype(int) + dicom.read(inverse) == 255).all()
    assert dicom.read(plain)[0, 0] == 0 and dicom.read(plain)[-1, -1] == 255


@pytest.mark.parametrize(
    ("dtype", "stored", "top"), [(np.uint8, 8, 255), (np.uint16, 12, 4095), (np.uint16, 16, 65535)]
)
def test_without_a_window_the_bits_stored_are_the_scale(trees, dtype, stored, top):
    path = trees.dicom("x.dcm", np.full((8, 8), top // 2, dtype), stored)
    assert abs(dicom.read(path).astype(int) - 127).max() <= 1


def test_a_table_for_the_detector_comes_first(trees):
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 8])
    table.add_new("LUTData", "US", (np.arange(4096) // 16).tolist())
    table.ModalityLUTType = "OD"
    path = trees.dicom("x.dcm", ModalityLUTSequence=[table])
    assert (dicom.read(path).ravel() == np.arange(4096) // 16).all()


def test_what_is_compressed_and_can_be_decoded_is_the_same_picture(trees):
    path = trees.dicom("x.dcm", WindowCenter=2000, WindowWidth=900)
    plain = dicom.read(path)
    header = pydicom.dcmread(path)
    header.compress(RLELossless)
    header.save_as(path)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed
    assert (dicom.read(path) == plain).all()


def test_signed_pixels(trees):
    path = trees.dicom("x.dcm", np.int16([[-2048, 0], [1024, 2047]]), 12)
    assert (abs(dicom.read(path).astype(int) - [[0, 128], [191, 255]]) <= 1).all()


def test_decode_resizes_dicom_like_any_picture(trees):
    assert decode.picture(trees.dicom("x.dicom"), 16, 1).shape == (1, 16, 16)


def test_without_pydicom_the_remedy_is_said(trees, monkeypatch):
    path = trees.dicom("x.dicom")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ValueError, match=r"x\.dicom: install pydicom"):
        decode.picture(path, 16, 1)


def test_without_a_decoder_the_remedy_is_said(trees):
    path = trees.dicom("x.dicom")
    header = pydicom.dcmread(path)
    header.file_meta.TransferSyntaxUID = JPEGLSLossless
    header.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8no picture"])
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True
    header.save_as(path)
    with pytest.raises(ValueError, match=r"x\.dicom: pixels stored as JPEG-LS Lossless.*install its decoders"):
        decode.picture(path, 16, 1)


def test_what_is_no_radiograph_is_refused(trees):
    (trees.root / "x.dcm").write_bytes(b"no DICOM at all" * 20)
    with pytest.raises(ValueError, match="is not a DICOM file"):
        dicom.read(trees.root / "x.dcm")
    with pytest.raises(ValueError, match="contains 2 frames"):
        dicom.read(trees.dicom("y.dcm", NumberOfFrames=2))
    with pytest.raises(ValueError, match="is damaged"):
        dicom.read(trees.dicom("z.dcm", PixelData=b"\0" * 100))
