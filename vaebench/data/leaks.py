"""Twins in different splits: found when a dataset is prepared, and listed by the audit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from vaebench import twins
from vaebench.interfaces import Splits

MOST = 200_000
"""The largest number of images that are searched for twins when a dataset is prepared; searching this many takes
minutes. The audit has no limit."""


@dataclass(frozen=True)
class Pair:
    """Two images that are twins."""

    split: str
    file: str
    label: int
    split_b: str
    file_b: str
    label_b: int
    correlation: float
    mirrored: bool
    equal: bool
    """True if all pixels of the two images are equal."""

    @property
    def across(self) -> bool:
        return self.split != self.split_b


@dataclass(frozen=True)
class Leaks:
    """The twins (nearly identical images) in a dataset, as pairs."""

    pairs: tuple[Pair, ...]
    complete: bool
    """True if all pairs are listed. If there are very many pairs, further ones are listed only if they join two
    groups."""
    groups: int
    """The number of groups of two or more twins."""
    largest: tuple[str, ...]
    """The files of the largest group, at most a hundred"""
    largest_size: int
    images: int

    @property
    def suspicious(self) -> bool:
        return self.largest_size > twins.LARGE * self.images


def leaks(splits: Splits) -> Leaks:
    """Return the twins within and across all splits."""
    named = dict(splits.items())
    found = twins.find([split.images for split in named.values()])
    place = [(name, row) for name, split in named.items() for row in range(len(split))]

    def file(name: str, row: int) -> str:
        files = named[name].files
        return f"{name} {row}" if files is None else str(files[row])

    def pair(a: int, b: int, correlation: float, mirrored: bool) -> Pair:
        (one, i), (two, j) = place[a], place[b]
        equal = np.array_equal(named[one].images[i], named[two].images[j])
        label, label_b = int(named[one].labels[i]), int(named[two].labels[j])
        told = round(float(correlation), 5), bool(mirrored), equal
        return Pair(one, file(one, i), label, two, file(two, j), label_b, *told)

    pairs = [pair(*ends, *told) for ends, *told in zip(found.pairs, found.correlation, found.mirrored, strict=True)]
    sizes = np.bincount(found.groups, minlength=1)
    members = np.flatnonzero(found.groups == sizes.argmax()) if sizes.max() > 1 else ()
    return Leaks(
        tuple(pairs),
        found.complete,
        int((sizes > 1).sum()),
        tuple(file(*place[row]) for row in members[:100]),
        len(members),
        len(place),
    )


def twins_of_test(splits: Splits) -> int:
    """Return how many test images have a twin in train or val, and warn about them."""
    parts = [split.images for _, split in splits.items()]  # the test images come last
    seen = sum(map(len, parts[:-1]))
    if seen + len(splits.test) > MOST:
        warnings.warn("there are too many images to search for twins now; run `vaebench data audit`", stacklevel=2)
        return 0
    pairs = twins.find(parts).pairs
    count = len(np.unique(pairs[(pairs[:, 0] < seen) & (pairs[:, 1] >= seen), 1]))
    if count:
        warnings.warn(
            f"{count} of {len(splits.test)} test images have a twin (correlation above {twins.TWIN}) among the "
            "training or validation images, which makes scores too good; `vaebench data audit` lists them",
            stacklevel=2,
        )
    return count
