"""The checks of a dataset's description, of its phantom, and of its behaviour without files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from vaebench.checks.outcome import Broken, Checklist, require
from vaebench.checks.parameters import check_parameters
from vaebench.data.folders import data_folder
from vaebench.data.prepare import lay_down, open_splits
from vaebench.data.splits import check_splits, with_validation
from vaebench.interfaces import Dataset, NotApplicable, Split, Splits
from vaebench.trial import Value

CHECKS, PHANTOM = Checklist(), Checklist()
PLURAL = re.compile(r"([a-z-]+ )?([a-z-]*[a-rt-z]s|people|children|women|men|mice|feet|teeth)( of [a-z-]+s)?")
"""Matches plural nouns, as far as their form shows that they are plural"""
LIMIT = {"train": 60, "val": 12, "test": 40}


class Source:
    """A dataset class that is checked with its phantom at one image size."""

    def __init__(
        self, component: type[Dataset], size: int, params: Mapping[str, Value], data: Path | None = None
    ) -> None:
        self.component, self.size, self.params, self.data = component, size, params, data

    def build(self) -> Dataset:
        return self.component(**self.params)

    @cached_property
    def dataset(self) -> Dataset:
        return self.build()

    @cached_property
    def splits(self) -> Splits:
        return self.dataset.phantom(self.size, LIMIT, 0)


@CHECKS.add
def parameters(case: Source) -> None:
    """Every parameter can be set on the command line, and setting an integer parameter to -1 raises a ValueError that
    names the parameter."""
    check_parameters(case.component, lambda **params: case.component(**{**case.params, **params}))


@CHECKS.add
def described(case: Source) -> None:
    """The dataset declares its title, licence, channels and two or more classes (unless the classes are known only from
    its files); `groups_are`, if declared, is a plural noun."""
    dataset = case.dataset
    for field in ("title", "licence"):
        require(bool(getattr(dataset, field)), f"`{field}` is empty")
    require(dataset.channels in (1, 3), f"`channels` is {dataset.channels}, not 1 or 3")
    names = dataset.classes
    require(len(set(names)) == len(names), f"`classes` contains a duplicate: {names}")
    draws = case.component.phantom is not Dataset.phantom
    groups = dataset.groups_are
    require(
        not groups or bool(PLURAL.fullmatch(groups)),
        f"`groups_are` is {groups!r}, not a plural noun such as `patients`",
    )
    require(len(names) > 1 or (not draws and not names), f"`classes` is {names}: list two or more classes")


@CHECKS.add
def without_files(case: Source) -> None:
    """With an empty folder, present() is false, obtain() explains how to get the images, and load() raises an error."""
    dataset = case.dataset
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if dataset.present(folder):
            raise NotApplicable("present() is true even if the data folder is empty")
        require(bool(dataset.obtain().strip()), "obtain() does not say how to get the images")
        try:
            dataset.load(folder, 28, {})
        except Exception as error:
            require(
                bool(str(error).strip()),
                f"load() raises {type(error).__name__} without a message if there are no files",
            )
        else:
            require(False, "load() returns images although there are no files")
        require(not list(folder.iterdir()), "present(), obtain() or load() leaves files in an empty folder")


@CHECKS.add
def real_images(case: Source) -> None:
    """The real images, if present on this machine, pass the same checks as the phantom."""
    folder = data_folder(case.data)
    if not case.dataset.present(folder):
        require(case.data is None, f"the real images are not in {folder}: {case.dataset.obtain()}")
        raise NotApplicable(f"the real images are not on this machine: {case.dataset.obtain()}")
    real = Source(case.component, case.size, case.params, case.data)
    real.splits = real.dataset.load(folder, case.size, LIMIT)
    for check in (shapes, labels, separate_groups, both_regimes, masks, boxes, factors):
        with suppress(NotApplicable):
            check(real)


@PHANTOM.add
def shapes(case: Source) -> None:
    """Images are (N, channels, size, size), and no split is empty."""
    expected = (case.dataset.channels, case.size, case.size)
    for name, split in case.splits.items():
        require(len(split) > 0, f"the {name} split is empty")
        require(split.images.shape[1:] == expected, f"{name} images are {split.images.shape[1:]}, not {expected}")


@PHANTOM.add
def limits(case: Source) -> None:
    """No split is larger than its limit."""
    for name, split in case.splits.items():
        require(len(split) <= LIMIT[name], f"the {name} split has {len(split)} images, but its limit is {LIMIT[name]}")


@PHANTOM.add
def labels(case: Source) -> None:
    """Labels are indices into `classes`, and train and test each contain more than one class."""
    count = len(case.dataset.classes)
    for name, split in case.splits.items():
        low, high = split.labels.min(), split.labels.max()
        require(low >= 0 and high < count, f"{name} labels range from {low} to {high}, but there are {count} classes")
        require(name == "val" or len(np.unique(split.labels)) > 1, f"all {name} images have the label {low}")


@PHANTOM.add
def separate_groups(case: Source) -> None:
    """No patient is in more than one split, even after the harness has added a missing validation split."""
    check_splits(with_validation(case.splits, case.component.name))


@PHANTOM.add
def both_regimes(case: Source) -> None:
    """The training split contains healthy images, and the test split contains both healthy and diseased images."""
    train, test = case.splits.train, case.splits.test
    if train.healthy is None or test.healthy is None or test.diseased is None:
        raise NotApplicable("the dataset does not say which images are healthy")
    require(bool(train.healthy.any()), "no training image is healthy")
    require(bool(test.healthy.any()), "no test image is healthy")
    require(bool(test.diseased.any()), "no test image is diseased")


@PHANTOM.add
def masks(case: Source) -> None:
    """Masks have the size of the images, at least one diseased test image has a marked pixel, and no healthy image has
    one."""
    if all(split.masks is None for _, split in case.splits.items()):
        raise NotApplicable("the dataset has no anomaly masks")
    for name, split in case.splits.items():
        if split.masks is None:
            continue
        expected = (len(split), case.size, case.size)
        require(split.masks.shape == expected, f"{name} masks are {split.masks.shape}, not {expected}")
        if split.healthy is None or split.diseased is None:
            raise Broken(f"the {name} split has masks, but does not say which images are healthy")
        marked = split.masks.any(axis=(1, 2))
        wrong = int((marked & split.healthy).sum())
        require(not wrong, f"{wrong} healthy {name} images have an anomaly in their mask")
        require(
            name != "test" or bool((marked & split.diseased).any()), "no diseased test image has an anomaly in its mask"
        )


@PHANTOM.add
def boxes(case: Source) -> None:
    """Boxes lie within the image, with x0 < x1 and y0 < y1, and healthy images have none."""
    if all(split.boxes is None for _, split in case.splits.items()):
        raise NotApplicable("the dataset has no boxes")
    for name, split in case.splits.items():
        if split.boxes is None:
            continue
        shape = split.boxes.shape
        require(len(shape) == 3 and shape[2] == 4, f"{name} boxes are {shape}, not ({len(split)}, K, 4)")
        there = ~np.isnan(split.boxes).all(2)
        low, high = split.boxes[there][:, :2], split.boxes[there][:, 2:]
        inside = ((low >= 0) & (low < high) & (high <= 1)).all(1)
        require(
            bool(inside.all()), f"{int((~inside).sum())} {name} boxes violate 0 <= x0 < x1 <= 1 or 0 <= y0 < y1 <= 1"
        )
        healthy = split.healthy if split.healthy is not None else np.zeros(len(split), bool)
        require(not there[healthy].any(), f"{int(there[healthy].any(1).sum())} healthy {name} images have a box")


@PHANTOM.add
def factors(case: Source) -> None:
    """Factors are finite numbers, and every split has the same factors."""
    names = {name: set(split.factors) for name, split in case.splits.items()}
    if not any(names.values()):
        raise NotApplicable("the dataset has no generative factors")
    for (one, ours), (two, theirs) in pairwise(names.items()):
        require(ours == theirs, f"{one} and {two} differ in the factors {', '.join(sorted(ours ^ theirs))}")
    for name, split in case.splits.items():
        for factor, value in split.factors.items():
            numeric = np.issubdtype(value.dtype, np.number) or value.dtype == np.bool_
            require(
                numeric and bool(np.isfinite(value).all()),
                f"factor {factor} of {name} contains values that are not finite numbers",
            )


@PHANTOM.add
def pictures(case: Source) -> None:
    """No image has only one colour, and no two images of a split are identical."""
    for name, split in case.splits.items():
        flat = split.images.reshape(len(split), -1)
        blank = int((np.ptp(flat, axis=1) == 0).sum())
        require(not blank, f"{blank} {name} images have only one colour")
        twins = len(flat) - len(np.unique(flat, axis=0))
        require(not twins, f"{twins} {name} images are copies of other images")


@PHANTOM.add
def deterministic(case: Source) -> None:
    """The same arguments give a bit-identical phantom; another seed gives different images."""
    again, other = (case.build().phantom(case.size, LIMIT, seed) for seed in (0, 1))
    for (name, one), (_, two) in zip(case.splits.items(), again.items(), strict=True):
        differing = [key for key, value in columns(one).items() if not equal(value, columns(two).get(key))]
        require(not differing, f"{', '.join(differing)} of {name} differ between two phantoms with the same arguments")
    same_size = case.splits.train.images.shape == other.train.images.shape
    require(
        not (same_size and np.array_equal(case.splits.train.images, other.train.images)),
        "phantoms with different seeds have the same images",
    )


@PHANTOM.add
def stored(case: Source) -> None:
    """The phantom can be stored without pickle, and is unchanged when it is read back."""
    with tempfile.TemporaryDirectory() as folder:
        lay_down(case.splits, Path(folder) / "phantom")
        for (name, one), (_, two) in zip(
            case.splits.items(), open_splits(Path(folder) / "phantom").items(), strict=True
        ):
            for key, value in columns(one).items():
                require(equal(value, columns(two).get(key)), f"{key} of {name} changes when it is stored")


def equal(one: np.ndarray, two: np.ndarray | None) -> bool:
    return two is not None and np.array_equal(one, two, equal_nan=one.dtype.kind == "f")


def columns(split: Split) -> dict[str, np.ndarray]:
    """Return all arrays of a split, by name."""
    fields = {key: value for key, value in vars(split).items() if isinstance(value, np.ndarray)}
    return fields | {f"factor {key}": value for key, value in split.factors.items()}
