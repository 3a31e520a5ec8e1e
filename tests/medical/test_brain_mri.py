"""Brain MRI slices: both names of the folders, and three splits of pictures some of which are twins."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench_medical.brain_mri import KINDS, BrainMri

NAMES = [("train", "test"), ("Training", "Testing")]


def collection(trees, train="train", test="test"):
    """Ten training pictures and five test pictures of each class. The first two test pictures of the healthy ones are
    twins of the first two for training, one of them mirrored; two healthy training pictures are twins."""
    for k, kind in enumerate(KINDS):
        for s, (side, count) in enumerate(((train, 10), (test, 5))):
            for i in range(count):
                seed = {(0, 1, 0): 0, (0, 1, 1): 1, (0, 0, 5): 4}.get((k, s, i), 1000 * k + 100 * s + i)
                pixels = np.kron(trees.pixels(seed, 6, 6), np.ones((12, 12), np.uint8))
                flipped = (k, s, i) == (0, 1, 1)
                pixels = np.ascontiguousarray(pixels[:, ::-1]) if flipped else pixels
                trees.save(f"brain-mri/{side}/{kind}/{side[:2]}-{i}.png", pixels)
    return trees.root


@pytest.mark.parametrize("names", NAMES)
def test_groups_of_twins_are_divided_by_class(trees, names):
    root = collection(trees, *names)
    splits = BrainMri().load(root, 28, {})
    assert len(splits.train) + len(splits.test) == 60 and splits.val is None
    assert not set(splits.train.groups) & set(splits.test.groups)
    assert np.bincount(splits.test.labels).tolist() in ([3, 3, 3, 3], [4, 3, 3, 3])
    healthy = [split.groups[split.healthy] for split in (splits.train, splits.test)]
    assert len(np.unique(np.concatenate(healthy))) == 12  # of 15 pictures, three of which have a twin
    assert (splits.test.healthy == (splits.test.labels == 0)).all()


def test_the_division_is_the_same_everywhere(trees):
    """The three of fifteen names with the smallest SHA-256, at every size."""
    first = BrainMri().load(collection(trees), 28, {}).test
    chosen = {"test/glioma/te-3.png", "train/glioma/tr-1.png", "train/glioma/tr-4.png"}
    assert {str(group) for group in first.groups if "glioma" in group} == chosen
    assert (BrainMri().load(trees.root, 16, {}).test.files == first.files).all()


def test_published_keeps_the_folders(trees):
    splits = BrainMri(split="published").load(collection(trees), 28, {})
    assert (len(splits.train), len(splits.test)) == (40, 20)
    assert len({*splits.train.groups, *splits.test.groups}) == 60


def test_published_clean_leaves_out_test_pictures_with_a_twin_in_train(trees):
    splits = BrainMri(split="published-clean").load(collection(trees), 28, {})
    assert (len(splits.train), len(splits.test)) == (40, 18)
    assert {"test/notumor/te-0.png", "test/notumor/te-1.png"}.isdisjoint(splits.test.files)
    assert not set(splits.train.groups) & set(splits.test.groups)


def test_a_missing_class_is_told_with_the_folder(trees):
    root = collection(trees)
    for path in (root / "brain-mri/test/glioma").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="test/glioma contains no pictures"):
        BrainMri().load(root, 28, {})
