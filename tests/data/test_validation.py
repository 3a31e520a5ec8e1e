"""Validation images as data of their own: no test image in it, patients apart, and what is in test changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vaebench.data.prepare import Prepared, about, lay_down, open_splits
from vaebench.data.splits import SplitError
from vaebench.data.validation import validation_data
from vaebench.interfaces import Split, Splits


def split(start: int, patients: int, each: int = 2) -> Split:
    generator, n = np.random.default_rng(start), patients * each
    diseased = np.arange(n) % 4 == 0
    return Split(
        images=generator.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8),
        labels=diseased.astype(np.int64),
        groups=np.repeat([f"patient {start + i}" for i in range(patients)], each),
        healthy=~diseased,
    )


SPLITS = Splits(train=split(0, 30), val=split(100, 8), test=split(200, 9))


def prepared(folder: Path, splits: Splits) -> Prepared:
    folder.parent.mkdir(parents=True, exist_ok=True)
    lay_down(splits, folder, {"notes": ["one image was left out"]}, ("well", "ill"))
    return about(folder)


def rows(split: Split | None) -> set[bytes]:
    assert split is not None
    return {image.tobytes() for image in split.images}


def test_it_is_judged_on_the_validation_images_and_holds_no_test_image(tmp_path: Path) -> None:
    ready = prepared(tmp_path / "a", SPLITS)
    made = validation_data(ready, "x", "phantom")
    found = open_splits(made.folder)
    assert rows(found.test) == rows(SPLITS.val)
    assert rows(found.train) | rows(found.val) == rows(SPLITS.train)
    assert not rows(SPLITS.test) & (rows(found.train) | rows(found.val) | rows(found.test))
    patients = [set(one.groups) for _, one in found.items()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 38
    assert made.digest != ready.digest
    assert (made.classes, made.notes, made.health) == (("well", "ill"), ("one image was left out",), True)


def test_what_lies_in_test_changes_nothing(tmp_path: Path) -> None:
    poison = replace(SPLITS.test, images=255 - SPLITS.test.images, labels=1 - SPLITS.test.labels)
    one = prepared(tmp_path / "a", SPLITS)
    two = prepared(tmp_path / "b", Splits(SPLITS.train, poison, SPLITS.val))
    assert one.digest != two.digest
    assert validation_data(one, "x", "phantom").digest == validation_data(two, "x", "phantom").digest


def test_it_is_made_once_and_anew_where_it_is_damaged(tmp_path: Path) -> None:
    ready = prepared(tmp_path / "a", SPLITS)
    first = validation_data(ready, "x", "phantom")
    stamp = (first.folder / "about.json").stat().st_mtime_ns
    assert validation_data(ready, "x", "phantom") == first
    assert (first.folder / "about.json").stat().st_mtime_ns == stamp
    images = np.load(first.folder / "test.images.npy")
    np.save(first.folder / "test.images.npy", 255 - images)
    assert validation_data(ready, "x", "phantom") == first
    assert rows(open_splits(first.folder).test) == rows(SPLITS.val)


def test_twins_of_the_new_test_images_are_counted(tmp_path: Path) -> None:
    twin = replace(SPLITS.val, images=np.concatenate([SPLITS.train.images[:3], SPLITS.val.images[3:]]))
    ready = prepared(tmp_path / "a", Splits(SPLITS.train, SPLITS.test, twin))
    assert ready.twins == 0
    assert validation_data(ready, "x", "real").twins == 3


def test_one_patient_to_train_on_does_not_divide(tmp_path: Path) -> None:
    ready = prepared(tmp_path / "a", Splits(split(0, 1), split(200, 9), split(100, 8)))
    with pytest.raises(SplitError, match="train split is empty"):
        validation_data(ready, "x", "phantom")
