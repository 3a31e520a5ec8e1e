"""Knees: a subject's two knees stay together, the doubtful grade is neither healthy nor diseased."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.knee import KneeKl

PLACES = ["knee-kl", "knee-kl/kneeKL224", "knee-kl/KneeXrayData/ClsKLData/kneeKL299", "kneeKL299"]


def tree(trees, place="knee-kl/kneeKL299", grey=100, **more):
    names = {
        f"{place}/{s}/{g}": [f"{i}{g}00L.png"] for i, s in enumerate(("train", "val", "test"), 1) for g in range(5)
    }
    names[f"{place}/train/0"] = ["9318808L.png", "9318808R.png"]
    names[f"{place}/auto_test/0"] = ["3000L.png"]
    for folder, files in (names | more).items():
        for file in files:
            trees.flat(f"{folder}/{file}", grey)
    return trees.root


@pytest.mark.parametrize("place", PLACES)
def test_three_splits_by_subject(trees, place):
    splits = KneeKl().load(tree(trees, place), 28, {})
    assert [len(split) for _, split in splits.items()] == [6, 5, 5]
    train = splits.train
    assert train.groups.tolist()[:2] == ["9318808", "9318808"] and train.labels.tolist() == [0, 0, 1, 2, 3, 4]
    assert train.healthy.tolist() == [True, True, False, False, False, False]
    assert train.diseased.tolist() == [False, False, False, True, True, True]


def test_the_larger_copy_is_taken_unless_told_otherwise(trees):
    tree(trees, "knee-kl/kneeKL224", grey=50)
    root = tree(trees, "knee-kl/kneeKL299", grey=150)
    assert KneeKl().load(root, 28, {}).train.images.max() == 150
    assert KneeKl(side=224).load(root, 28, {}).train.images.max() == 50


def test_a_subject_of_the_test_split_leaves_train(trees):
    root = tree(trees)
    trees.flat("knee-kl/kneeKL299/test/4/9318808R.png", 1)
    with pytest.warns(UserWarning, match="2 train pictures were left out"), pytest.raises(ValueError, match="'KL 0'"):
        KneeKl().load(root, 28, {})


def test_an_empty_class_and_a_nameless_subject_are_errors(trees):
    root = tree(trees)
    (root / "knee-kl/kneeKL299/test/3/3300L.png").rename(root / "knee-kl/kneeKL299/test/3/knee.png")
    with pytest.raises(ValueError, match=r"knee\.png: the file name must begin with a subject"):
        KneeKl().load(root, 28, {})
    (root / "knee-kl/kneeKL299/test/3/knee.png").unlink()
    with pytest.raises(ValueError, match=r"test/3 contains no pictures"):
        KneeKl().load(root, 28, {})


def test_phantom_labels():
    test = KneeKl().phantom(28, {"train": 40, "val": 8, "test": 16}, 0).test
    assert np.unique(test.labels).tolist() == [0, 1, 2, 3, 4]
    assert (test.healthy == (test.labels == 0)).all() and (test.diseased == (test.labels >= 2)).all()
