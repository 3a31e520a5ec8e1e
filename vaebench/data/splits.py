"""Split and limit images: validation by group, limits by label, and the checks that every dataset must pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vaebench.interfaces import Limit, Split, Splits

EXAMPLES = 8
"""The number of images that represent a split in pictures."""


class SplitError(Exception):
    """Raised for a dataset that does not allow a fair evaluation, for example because its splits share groups."""


def limited(splits: Splits, limit: Limit, dataset: str, seed: int) -> Splits:
    """Return at most `limit` images of each split, with labels in the same proportions as before. The training images
    depend on the trial's seed; test and validation images are the same for every seed, so that models and seeds can be
    compared on the same patients."""

    def cut(name: str, split: Split) -> Split:
        if len(split) <= limit.get(name, len(split)):
            return split
        return split.take(
            draw_by_label(split.labels, limit[name], f"{dataset} {name} {seed if name == 'train' else ''}")
        )

    return Splits(**{name: cut(name, split) for name, split in splits.items()})


def draw_by_label(labels: np.ndarray, count: int, seed: str) -> np.ndarray:
    """Return `count` randomly chosen row numbers, sorted, whose labels have the same proportions as all labels. Every
    label occurs at least once, if `count` is large enough."""
    generator = np.random.default_rng(_seed(seed))
    position = np.empty(len(labels))
    for label in np.unique(labels):  # the position of each row within its label is a fraction, so a cut is proportional
        rows = np.flatnonzero(labels == label)
        rows = generator.permutation(rows)
        position[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
        position[rows[0]] -= 1  # so that even a rare label is included
    return np.sort(np.argsort(position, kind="stable")[:count])


def validation_mask(splits: Splits, dataset: str) -> np.ndarray | None:
    """Return a mask of the training images that form the validation split, a tenth of the groups; None if the dataset
    has its own validation split."""
    if splits.val is not None:
        return None
    names = np.unique(splits.train.groups)
    generator = np.random.default_rng(_seed(f"{dataset} validation"))
    held = generator.permutation(names)[: max(1, round(len(names) / 10))]
    return np.isin(splits.train.groups, held)


def with_validation(splits: Splits, dataset: str) -> Splits:
    """Return the splits with a validation split. If the dataset has none, its training images are copied into two
    splits."""
    val = validation_mask(splits, dataset)
    if val is None:
        return splits
    return Splits(train=splits.train.take(~val), val=splits.train.take(val), test=splits.test)


def without_pixels(split: Split, rows: np.ndarray | None = None) -> Split:
    """Return a split, or some of its rows, with blank images and masks that take no memory."""
    masks = None if split.masks is None else split.masks[:, :0, :0]
    known = replace(split, images=split.images[:, :0, :0, :0], masks=masks)
    known = known if rows is None else known.take(rows)
    if split.masks is not None:
        masks = np.broadcast_to(np.bool_(False), (len(known), *split.masks.shape[1:]))
    return replace(known, images=np.broadcast_to(np.uint8(0), (len(known), *split.images.shape[1:])), masks=masks)


def check_splits(splits: Splits, classes: Sequence[str] = ()) -> None:
    """Raise SplitError if a dataset violates its contract."""
    named = dict(splits.items())
    for name, split in named.items():
        if not len(split):
            raise SplitError(f"the {name} split is empty")
        low, high = int(split.labels.min()), int(split.labels.max())
        if low < 0 or (classes and high >= len(classes)):
            known = f"from 0 to {len(classes) - 1}, one per class" if classes else "0 or more"
            raise SplitError(f"the {name} labels range from {low} to {high}, but must be {known}")
        if split.images.shape[1:] != splits.train.images.shape[1:]:
            raise SplitError(
                f"the {name} images have shape {split.images.shape[1:]}, but the train images have shape "
                f"{splits.train.images.shape[1:]}"
            )
    order = list(named)
    for i, one in enumerate(order):
        for two in order[i + 1 :]:
            shared = np.intersect1d(named[one].groups, named[two].groups)
            if len(shared):
                raise SplitError(
                    f"the splits {one} and {two} must not share groups, but share {len(shared)}, such as "
                    f"{str(shared[0])!r}"
                )


def examples(labels: np.ndarray) -> np.ndarray:
    """Return the row numbers of eight images, cycling through the labels."""
    found = {int(label): iter(np.flatnonzero(labels == label)) for label in np.unique(labels)}
    rows: list[int] = []
    while found and len(rows) < EXAMPLES:
        for label in list(found):
            row = next(found[label], None)
            if row is None:
                del found[label]
            else:
                rows.append(int(row))
    return np.array(rows[:EXAMPLES], dtype=np.int64)


def _seed(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)
