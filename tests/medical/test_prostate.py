"""Prostate patches: two folders, two tables, a biopsy is a group."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.prostate import ProstateGleason

HEADING = "image,height_biopsy,width_biopsy,class"
TRAIN = [("a1_5.jpeg", 0), ("a1_17.jpeg", 0), ("b2_3.jpeg", 1), ("c3_9.jpeg", 2), ("d4_1.jpeg", 3)]
TEST = [("e5_1.jpeg", 0), ("f6_2.jpeg", 1), ("g7_3.jpeg", 2), ("h8_4.jpeg", 3)]

PLACES = ["prostate-gleason", "prostate-gleason-dataset", "prostate-gleason/prostate-gleason-dataset-0.1"]


def tree(trees, train=TRAIN, test=TEST, place="prostate-gleason"):
    for split, rows in (("train", train), ("test", test)):
        for i, (name, _) in enumerate(rows):
            trees.save(f"{place}/{split}/{name}", trees.pixels(i, 32, 32, 3))
        trees.csv(f"{place}/{split}.csv", HEADING, *(f"{name},21760,28672,{kind}" for name, kind in reversed(rows)))
    return trees.root


@pytest.mark.parametrize("place", PLACES)
def test_patches_with_class_and_biopsy(trees, place):
    splits = ProstateGleason().load(tree(trees, place=place), 16, {})
    assert splits.train.images.shape == (5, 3, 16, 16) and splits.val is None
    assert splits.train.groups.tolist() == ["a1", "a1", "b2", "c3", "d4"]  # sorted by name, not by the table
    assert splits.train.labels.tolist() == [0, 0, 1, 2, 3]
    assert splits.train.healthy.tolist() == [True, True, False, False, False]


def test_a_biopsy_on_both_sides_leaves_train(trees):
    with pytest.warns(UserWarning, match="1 train picture was left out"):
        splits = ProstateGleason().load(tree(trees, train=[*TRAIN, ("h8_99.jpeg", 3)]), 16, {})
    assert "h8" not in splits.train.groups and "h8" in splits.test.groups


def test_files_the_table_does_not_name_are_counted(trees):
    root = tree(trees)
    trees.save("prostate-gleason/train/z9_1.jpeg", trees.pixels(0, 32, 32, 3))
    with pytest.warns(UserWarning, match=r"train\.csv does not list 1 file in"):
        assert len(ProstateGleason().load(root, 16, {}).train) == 5


@pytest.mark.parametrize(
    ("heading", "lines", "reason"),
    [
        ("image,height,grade", ["a1_5.jpeg,1,0"], r"train\.csv has no column 'class'; its columns are \['image'"),
        (HEADING, ["a1_5.jpeg,1,1,6"], r"train\.csv, line 2: class '6' is not one of 0, 1, 2, 3"),
        (HEADING, ["a1_5.jpeg,1,1,"], r"train\.csv, line 2: class '' is not one of"),
        (HEADING, ["a1_5.jpeg,1,1"], r"train\.csv, line 2: the row needs 4 columns"),
        (HEADING, ["gone_1.jpeg,1,1,0"], r"train\.csv, line 2: .*gone_1\.jpeg does not exist"),
        (HEADING, ["a1_5.jpeg,1,1,0", "a1_5.jpeg,1,1,0"], r"train\.csv, line 3: a1_5\.jpeg is listed twice"),
    ],
)
def test_faulty_tables(trees, heading, lines, reason):
    root = tree(trees)
    trees.csv("prostate-gleason/train.csv", heading, *lines)
    with pytest.raises(ValueError, match=reason):
        ProstateGleason().load(root, 16, {})


def test_tables_saved_by_a_spreadsheet(trees):
    root = tree(trees)
    path = root / "prostate-gleason/train.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").replace(b",class", b", class "))
    assert len(ProstateGleason().load(root, 16, {}).train) == 5
    path.write_bytes(b"image,class\n\xff\xfe,0\n")
    with pytest.raises(ValueError, match=r"train\.csv is not UTF-8"):
        ProstateGleason().load(root, 16, {})


def test_phantom_labels():
    splits = ProstateGleason().phantom(28, {"train": 40, "val": 8, "test": 16}, 0)
    assert splits.train.images.shape[1] == 3 and np.unique(splits.train.labels).tolist() == [0, 1, 2, 3]
