"""Volumes read as slices: seen from the same side however they are stored, one group each, and bounded."""

from __future__ import annotations

import gzip
import itertools
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from vaebench_medical import decode, nifti
from vaebench_medical.folder import Folder

RAS = np.random.default_rng(3).permutation(np.arange(4 * 5 * 6)).reshape(4, 5, 6)
"""Voxels from left to right, back to front, foot to head"""
SHORT, OWN = RAS.astype("i2"), np.eye(3)
KINDS = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768}
DIRECTIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
"""Every way to store a volume, as steps along its axes to the right, front and head"""


def content(voxels: np.ndarray, affine: np.ndarray | None = OWN, order: str = "<", **told: object) -> bytes:
    """A NIfTI-1 file, written as the format says and not as the reader reads."""
    header = bytearray(352)
    sides = [voxels.ndim, *voxels.shape, *[1] * (7 - voxels.ndim)]
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, *told.get("dim", sides))
    struct.pack_into(f"{order}2h", header, 70, told.get("kind", KINDS[voxels.dtype.str[1:]]), 8 * voxels.itemsize)
    struct.pack_into(f"{order}8f", header, 76, told.get("qfac", 1), 2, 3, 4, 0, 0, 0, 0)
    struct.pack_into(f"{order}3f", header, 108, told.get("start", 352), told.get("slope", 1), 0)
    if affine is not None:
        struct.pack_into(f"{order}2h", header, 252, 0, 1)
        rows = np.column_stack([affine, [7, 8, 9]]).ravel()
        struct.pack_into(f"{order}12f", header, 280, *rows)
    if "quaternion" in told:
        struct.pack_into(f"{order}2h", header, 252, 1, 0)
        struct.pack_into(f"{order}3f", header, 256, *told["quaternion"])
    header[344:348] = told.get("magic", b"n+1\0")
    return bytes(header) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes(order="F")


def saved(trees, name: str, voxels: np.ndarray = SHORT, **told: object) -> Path:
    data = content(voxels, **told)
    path = trees.place(name)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def pictures(path: Path, plane: str) -> np.ndarray:
    return np.stack([nifti.read(nifti.path_of(path, plane, number)) for number in range(nifti.count(path, plane))])


def stored(directions: np.ndarray) -> np.ndarray:
    """RAS as a file has it whose axes step in these directions."""
    axes, turned = np.abs(directions).argmax(0), directions.sum(0) < 0
    return np.flip(RAS.transpose(axes), np.flatnonzero(turned)).astype("i2")


@pytest.mark.parametrize("plane", nifti.PLANES)
def test_slices_are_seen_from_one_side_however_they_are_stored(trees, plane):
    expected = {
        "axial": [[[RAS[3 - x, 4 - y, z] for x in range(4)] for y in range(5)] for z in range(6)],
        "coronal": [[[RAS[3 - x, y, 5 - z] for x in range(4)] for z in range(6)] for y in range(5)],
        "sagittal": [[[RAS[x, 4 - y, 5 - z] for y in range(5)] for z in range(6)] for x in range(4)],
    }[plane]  # the right on the left, or the front; the front above, or the head
    first = pictures(saved(trees, "own.nii"), plane)
    assert np.corrcoef(first.ravel(), np.ravel(expected))[0, 1] > 0.999 and first.min() == 0 and first.max() == 255
    for number, directions in enumerate(DIRECTIONS):
        path = saved(trees, f"{number}.nii", stored(directions), affine=directions * [2, 3, 4] + 0.1)
        assert (pictures(path, plane) == first).all(), directions


def test_a_quaternion_says_what_an_affine_matrix_says(trees):
    """A half turn about the axis to the head, mirrored: left, back, foot."""
    directions = np.diag([-1.0, -1.0, -1.0])
    one = saved(trees, "affine.nii", stored(directions), affine=directions)
    two = saved(trees, "quaternion.nii", stored(directions), affine=None, quaternion=(0, 0, 1), qfac=-1)
    bare = saved(trees, "bare.nii", affine=None)
    quarter = saved(  # the file's first axis to the front, its second to the left
        trees, "quarter.nii", stored(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])), affine=None,
        quaternion=(0, 0, 0.5**0.5),
    )  # fmt: skip
    for plane in nifti.PLANES:
        shown = pictures(one, plane)
        assert all((pictures(other, plane) == shown).all() for other in (two, bare, quarter))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", "<>")
def test_every_data_type_and_byte_order(trees, kind, order):
    path = saved(trees, "scan.nii.gz", RAS.astype(kind), order=order)
    assert (pictures(path, "axial") == pictures(saved(trees, "own.nii"), "axial")).all()


def test_greys_are_those_of_the_volume_and_not_of_the_slice(trees):
    voxels = np.tile(np.arange(10, dtype="f4"), (8, 8, 1))
    voxels[0, 0, 0] = np.nan
    shown = pictures(saved(trees, "ramp.nii", voxels), "axial")
    assert shown[1:].std(axis=(1, 2)).max() == 0 and (np.diff(shown[:, 0, 0].astype(int)) > 20).all()
    inverse = pictures(saved(trees, "inverse.nii", voxels, slope=-2.0), "axial")
    assert (inverse[1:].astype(int) + shown[1:] == 255).all()
    spike = np.zeros((20, 20, 20), "i2")
    spike[3, 4, 5] = 100  # brighter than the percentile, which is as dark as the rest
    assert pictures(saved(trees, "spike.nii", spike), "axial").max() == 255


WRONG = {
    "is NIfTI-2": lambda: (540).to_bytes(4, "little") + bytes(600),
    "is not a NIfTI-1 file": lambda: b"GIF89a" + bytes(600),
    "is not a NIfTI-1 file with header and voxels": lambda: content(RAS.astype("i2"), magic=b"ni1\0"),
    "not one three-dimensional volume": lambda: content(np.zeros((3, 3, 3, 2), "i2")),
    "has no voxels": lambda: content(RAS.astype("i2"), dim=[0] * 8),
    "data type 128": lambda: content(RAS.astype("i2"), kind=128),
    "more than 536,870,912 bytes": lambda: content(RAS.astype("i2"), dim=[3, 2000, 2000, 2000, 1, 1, 1, 1]),
    "pixels, more than the 67,108,864": lambda: content(RAS.astype("u1"), dim=[3, 30000, 16000, 1, 1, 1, 1, 1]),
    "from byte": lambda: content(RAS.astype("i2"), start=1e30),
    r"\[-4, 5, 6\] voxels": lambda: content(RAS.astype("i2"), dim=[3, -4, 5, 6, 1, 1, 1, 1]),
    "from byte nan": lambda: content(RAS.astype("i2"), start=np.nan),
    "the voxels have no valid orientation": lambda: content(RAS.astype("i2"), affine=np.zeros((3, 3))),
    "voxels have no valid orientation": lambda: content(RAS.astype("i2"), affine=np.full((3, 3), np.nan)),
    "bytes of voxels, but the file has 200": lambda: content(RAS.astype("i2"))[:552],
    "all voxels have the same value": lambda: content(np.full((3, 3, 3), 7, "i2")),
    "same value": lambda: content(np.full((3, 3, 3), np.nan, "f4")),
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_file_that_cannot_be_read_says_why(trees, reason):
    path = trees.place("scan.nii")
    path.write_bytes(WRONG[reason]())
    with pytest.raises(ValueError, match=reason) as told:
        decode.picture(nifti.path_of(path, "axial", 0), 8, 1)
    assert "scan.nii" in str(told.value)


def test_a_damaged_archive_is_told(trees):
    path = saved(trees, "a/scan.nii.gz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"scan\.nii\.gz"):
        one(trees, slices="axial")


def one(trees, **options):
    dataset = Folder(path=str(trees.root), **options)
    return dataset, dataset.load(trees.root, 8, {})


def scans(trees, classes="ab", volumes=5):
    for kind, number in itertools.product(classes, range(volumes)):
        voxels = np.random.default_rng([number, kind == "a"]).integers(0, 99, (6, 7, 8)).astype("i2")
        saved(trees, f"{kind}/p{number}/t1.nii.gz", voxels)


def test_slices_of_a_volume_are_one_group(trees):
    scans(trees)
    dataset, splits = one(trees, slices="axial", every=3, healthy="a")
    groups = [*splits.train.groups, *splits.test.groups]
    assert not set(splits.train.groups) & set(splits.test.groups)
    assert len(groups) == 30 and set(groups) == {f"{kind}/p{n}/t1.nii.gz" for kind in "ab" for n in range(5)}
    assert splits.train.images.shape == (24, 1, 8, 8) and splits.train.healthy.sum() == 12
    assert "a/p0/t1.nii.gz/axial/00003" in {*splits.train.files, *splits.test.files}
    assert len(dataset.files(trees.root)) == 10 and all(path.is_file() for path in dataset.files(trees.root))
    assert list(dataset.verify(trees.root)) == []
    _, people = one(trees, slices="sagittal", group=r"(p\d)")
    assert {*people.train.groups, *people.test.groups} == {f"p{n}" for n in range(5)}


def test_every_takes_as_much_from_both_ends_and_never_nothing(trees):
    saved(trees, "a/scan.nii", np.arange(3 * 3 * 10).reshape(3, 3, 10).astype("i2"))
    for every, numbers in {1: range(10), 4: (0, 4, 8), 3: (0, 3, 6, 9), 6: (1, 7), 99: (4,)}.items():
        found = Folder(path=str(trees.root), slices="axial", every=every).pictures(trees.root)
        assert [int(Path(picture.path).name) for picture in found] == list(numbers)


def test_a_table_names_volumes(trees):
    scans(trees)
    rows = [f"{kind}/p{n}/t1.nii.gz,{kind},p{n},{'test' if n > 3 else 'train'}" for kind in "ab" for n in range(5)]
    table = trees.csv("index.csv", "file,label,group,split", *rows)
    splits = Folder(path=str(table), slices="coronal", every=7).load(trees.root, 8, {})
    assert splits.test.groups.tolist() == ["p4", "p4"] and len(splits.train) == 8
    with pytest.raises(ValueError, match=r"line 2: .*t1\.nii\.gz is a volume; choose a plane: slices=axial"):
        Folder(path=str(table)).load(trees.root, 8, {})
    trees.flat("x.png", 3)
    table = trees.csv("mixed.csv", "file,label", "x.png,a")
    with pytest.raises(ValueError, match=r"x\.png is not a volume; omit `slices`"):
        Folder(path=str(table), slices="axial").load(trees.root, 8, {})
    table = trees.csv("boxes.csv", "file,label,x0,y0,x1,y1", "a/p0/t1.nii.gz,a,1,1,2,2")
    with pytest.raises(ValueError, match="masks and boxes are not supported for slices"):
        Folder(path=str(table), slices="axial").load(trees.root, 8, {})


def series(trees, folder: str, axis: int = 2, places=(30.0, 10.0, 20.0), **tags) -> None:
    """Files whose names are in another order than their places; the grey of a slice is its place."""
    turned = {0: [0, 1, 0, 0, 0, -1], 1: [1, 0, 0, 0, 0, -1], 2: [1, 0, 0, 0, 1, 0]}[axis]
    for number, place in enumerate(places):
        corner = [0.0, 0.0, 0.0]
        corner[axis] = place
        told = {"ImageOrientationPatient": turned, "ImagePositionPatient": corner, "SeriesInstanceUID": "1.2"}
        trees.dicom(f"{folder}/{number}.dcm", np.full((6, 6), place, np.uint16), stored=8, **told | tags)


def test_dicom_series_are_put_in_order_and_kept_together(trees):
    for kind, number in itertools.product("ab", range(5)):
        series(trees, f"{kind}/p{number}")
    found = Folder(path=str(trees.root), slices="axial", every=2).pictures(trees.root)
    assert [Path(picture.path).relative_to(trees.root).as_posix() for picture in found][:2] == [
        "a/p0/0.dcm",
        "a/p0/1.dcm",
    ]
    assert {picture.group for picture in found} == {f"{kind}/p{n}" for kind in "ab" for n in range(5)}
    _, splits = one(trees, slices="axial", every=3)
    assert np.unique(splits.train.images).tolist() == [20], "the middle one"
    series(trees, "a/p0", SeriesInstanceUID="1.3", places=(50.0,) * 2)  # takes the place of two files
    found = Folder(path=str(trees.root), slices="axial").pictures(trees.root)
    assert {picture.group for picture in found} >= {"a/p0/1.2", "a/p0/1.3"}


@pytest.mark.parametrize("axis", range(3))
def test_dicom_series_are_not_cut_anew(trees, axis):
    series(trees, "a/p0", axis)
    own = nifti.PLANES[axis]
    for plane in nifti.PLANES:
        dataset = Folder(path=str(trees.root), slices=plane)
        if plane == own:
            assert len(dataset.pictures(trees.root)) == 3
        else:
            with pytest.raises(ValueError, match=f"the slice is {own}, .*set slices={own}"):
                dataset.pictures(trees.root)


def test_users_mistakes(trees, monkeypatch):
    for kind in "ab":
        saved(trees, f"{kind}/scan.nii")
    with pytest.raises(ValueError, match=r"a contains volumes but no pictures; .*slices=axial"):
        one(trees)
    for wrong in ({"every": 0, "slices": "axial"}, {"every": 2}, {"slices": "axial", "masks": "m"}):
        with pytest.raises(ValueError, match="every must be at least 1 and requires slices"):
            one(trees, **wrong)
    (trees.root / "c").mkdir()
    with pytest.raises(ValueError, match="c contains no volumes; add some"):
        one(trees, slices="axial")
    trees.dicom("c/0.dcm")
    with pytest.raises(ValueError, match=r"0\.dcm: the file does not give the position of its slice"):
        one(trees, slices="axial")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ValueError, match=r'0\.dcm: .*pip install "vaebench\[dicom\]"'):
        one(trees, slices="axial")


def test_it_agrees_with_nibabel(trees):
    nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed")
    for number, directions in enumerate(DIRECTIONS):
        path = saved(trees, f"{number}.nii", stored(directions), affine=directions * [2, 3, 4] + 0.1)
        voxels = np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj)
        assert (voxels == nifti._volume(path, 0, 0).voxels).all()
