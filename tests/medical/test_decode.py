"""Every kind of picture file ends as the same uint8 square, or in an error that names it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vaebench_medical import decode


@pytest.mark.parametrize("suffix", [".png", ".jpeg", ".tif", ".bmp", ".pgm"])
def test_a_grey_is_the_same_grey_in_every_format(trees, suffix):
    picture = decode.picture(trees.flat(f"a b [1]{suffix}", 77), 28, 1)
    assert picture.shape == (1, 28, 28) and picture.dtype == np.uint8
    assert abs(picture.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_modes_make_no_difference(trees, mode, channels):
    path = trees.flat(("x.tif" if mode == "CMYK" else "x.png"), 77, mode)
    picture = decode.picture(path, 16, channels)
    assert picture.shape == (channels, 16, 16)
    assert abs(picture.astype(int) - 77).max() <= 1


def test_one_bit_pictures_are_black_and_white(trees):
    path = trees.save("x.png", Image.fromarray(np.eye(8, dtype=bool)))
    assert (decode.picture(path, 8, 1)[0] == np.eye(8, dtype=np.uint8) * 255).all()


def test_what_is_transparent_is_black(trees):
    hidden = Image.fromarray(np.dstack([np.full((8, 8), 200, np.uint8), np.zeros((8, 8), np.uint8)]), "LA")
    assert decode.picture(trees.save("x.png", hidden), 8, 1).max() == 0


def test_a_picture_of_the_wanted_size_keeps_its_bits(trees):
    image = trees.pixels(0, 32, 32)
    assert (decode.picture(trees.save("x.png", image), 32, 1)[0] == image).all()
    colours = trees.pixels(1, 32, 32, 3)
    assert (decode.picture(trees.save("y.png", colours), 32, 3) == colours.transpose(2, 0, 1)).all()


def test_resizing_averages_what_it_drops(trees):
    stripes = np.tile(np.uint8([0, 255]), (64, 32))  # without anti-aliasing all black or all white
    inside = decode.picture(trees.save("x.png", stripes), 16, 1)[0, :, 1:-1]
    assert abs(inside.astype(int) - 127.5).max() <= 1


def test_a_large_jpeg_decoded_in_part_agrees_with_the_whole(trees):
    smooth = np.add.outer(np.arange(1200), np.arange(900)) % 2100 // 9
    path = trees.save("x.jpeg", smooth.astype(np.uint8), quality=95)
    part = decode.picture(path, 32, 1)[0].astype(int)
    whole = np.asarray(Image.open(path).resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    assert abs(part - whole).max() <= 4


def test_padding_keeps_the_shape_and_stretching_fills(trees):
    path = trees.flat("x.png", 200, size=(20, 40))
    padded = decode.picture(path, 40, 1, "pad")[0]
    assert (padded[:, 10:30] == 200).all() and (padded[:, :10] == 0).all() and (padded[:, 30:] == 0).all()
    assert (decode.picture(path, 40, 1, "stretch") == 200).all()


def test_photographs_are_turned_as_their_camera_says(trees):
    image = np.zeros((8, 8), np.uint8)
    image[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = decode.picture(trees.save("x.tif", image, exif=exif), 8, 1)[0]
    assert (turned[:, -1] == 255).all() and turned[:, :-1].max() == 0


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm", ".npy"])
def test_sixteen_bits_keep_their_scale(trees, suffix):
    deep = np.repeat(np.uint16([[0, 32768], [65535, 257]]), 4, axis=0).repeat(4, axis=1)
    path = trees.root / f"x{suffix}"
    np.save(path, deep) if suffix == ".npy" else Image.fromarray(deep).save(path)
    assert (decode.picture(path, 8, 1)[0, ::4, ::4] == [[0, 128], [255, 1]]).all()


def test_twelve_bits_in_sixteen_are_asked_about_and_not_shown_black(trees):
    path = trees.save("x.png", np.full((8, 8), 4095, np.uint16))
    with pytest.raises(ValueError, match=r"x\.png.*4095.*bits=12"):
        decode.picture(path, 8, 1)
    assert (decode.picture(path, 8, 1, bits=12) == 255).all()
    assert (decode.picture(path, 8, 1, bits=16) == 16).all()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 4), 0.5, np.float32), 128),
        (np.full((4, 4, 1), 9, np.uint8), 9),
        (np.full((1, 4, 4), 9, np.uint8), 9),
        (np.full((3, 4, 4), 9, np.uint8), 9),
        (np.full((4, 4), True), 255),
        (np.full((4, 4), 65535, np.int64), 255),
    ],
)
def test_arrays(trees, array, expected):
    np.save(trees.root / "x.npy", array)
    assert (decode.picture(trees.root / "x.npy", 4, 1) == expected).all()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((4, 4), -1.5), "scale them to 0..1"),
        (np.full((4, 4), np.nan), "scale them to 0..1"),
        (np.full((4, 4), -3), "from -3"),
        (np.zeros((4, 4, 7), np.uint8), r"shape \(4, 4, 7\)"),
        (np.array([{}], object), "pickled objects"),
        (np.zeros((4, 4), complex), "complex128"),
    ],
)
def test_arrays_that_are_no_pictures(trees, array, reason):
    np.save(trees.root / "x.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=rf"x\.npy: .*{reason}"):
        decode.picture(trees.root / "x.npy", 4, 1)


@pytest.mark.filterwarnings("ignore")  # of pydicom, about what it can still read
@pytest.mark.parametrize("suffix", [".png", ".jpeg", ".tif", ".bmp", ".pgm", ".npy", ".dcm"])
def test_no_damage_ends_in_anything_but_a_picture_or_an_error_that_names_the_file(trees, suffix):
    generator = np.random.default_rng(0)
    path = trees.root / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, trees.pixels(0))
    elif suffix == ".dcm":
        trees.dicom(path.name, np.zeros((20, 20), np.uint16))
    else:
        trees.save(path.name, trees.pixels(0))
    whole = path.read_bytes()
    for _ in range(60):
        broken = bytearray(whole[: generator.integers(1, len(whole) + 1)] if generator.random() < 0.3 else whole)
        for place in generator.integers(0, min(len(broken), 400), 6):
            broken[place] = generator.integers(0, 256)
        path.write_bytes(broken)
        try:
            assert decode.picture(path, 16, 1).shape == (1, 16, 16)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")


def test_broken_files_are_named(trees):
    with pytest.raises(ValueError, match=r"x\.jpeg: the file is damaged.*download or copy it again"):
        decode.picture(trees.truncated("x.jpeg"), 28, 1)
    (trees.root / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png: the file is damaged or not a picture"):
        decode.picture(trees.root / "text.png", 28, 1)
    with pytest.raises(ValueError, match=r"none\.png: the file does not exist"):
        decode.picture(trees.root / "none.png", 28, 1)


def test_files_of_several_pages_are_refused(trees):
    page = Image.new("L", (8, 8))
    page.save(trees.root / "x.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match=r"x\.tif: the file contains 2 pages"):
        decode.picture(trees.root / "x.tif", 8, 1)


def test_colour_is_told_from_grey_stored_as_rgb(trees):
    assert not decode.is_colour(trees.flat("grey.png", 90, "RGB"))
    assert decode.is_colour(trees.save("red.png", Image.new("RGB", (8, 8), (200, 30, 30))))


def test_the_native_size_is_that_of_the_file_shown_upright(trees):
    exif = Image.Exif()
    exif[0x0112] = 6
    large = trees.pixels(0, 900, 700)
    assert decode.with_native(trees.save("a.jpeg", large), 16, 1)[1] == (900, 700)  # decoded at an eighth
    assert decode.with_native(trees.save("b.jpeg", large, exif=exif), 16, 1)[1] == (700, 900)
    np.save(trees.root / "c.npy", trees.pixels(0, 30, 20))
    assert decode.with_native(trees.root / "c.npy", 16, 1)[1] == (30, 20)
    assert decode.with_native(trees.dicom("d.dcm", np.zeros((9, 7), np.uint16)), 16, 1)[1] == (9, 7)
