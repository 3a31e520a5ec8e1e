"""Groups of pictures that must stay in one split: the pictures of a patient or, if patients are unknown, twins
(pictures that are nearly the same)."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vaebench import twins
from vaebench.interfaces import Split
from vaebench_medical import decode

if TYPE_CHECKING:
    from vaebench_medical.image_files import Picture, PictureDataset

TWINS = "twins"
"""The value of a dataset's parameter `group` that selects grouping by twins"""


def by_twins(pictures: Sequence[Picture], dataset: PictureDataset) -> list[Picture]:
    """Return the pictures with twins merged into one group, and existing groups kept together. A merged group is named
    after the group of its first picture. Warn if a group is suspiciously large.

    Twins are found on thumbnails of a fixed size, so that the split is the same at all training sizes."""
    paths = [picture.path for picture in pictures]
    thumbs, _ = decode.many(paths, twins.THUMB, 1, dataset.aspect, dataset.bits)
    before = np.unique([picture.group for picture in pictures], return_inverse=True)[1]
    groups = _joined(twins.find([thumbs], twins.SAFE).groups, before).tolist()
    if told := twins.large_group(np.array(groups), relative(paths)):
        warnings.warn(f"{dataset.name}: {told}", stacklevel=2)
    first = {group: picture.group for picture, group in reversed(list(zip(pictures, groups, strict=True)))}
    return [replace(picture, group=first[group]) for picture, group in zip(pictures, groups, strict=True)]


def twins_apart(parts: Mapping[str, Split], name: str) -> dict[str, Split]:
    """Return the splits with twins (images that are nearly the same) as groups. Images that have a twin in test are
    removed from train and val, and images that have a twin in val are removed from train."""
    groups = twins.find([part.images for part in parts.values()], twins.SAFE).groups
    sides = np.repeat(list(parts), [len(part) for part in parts.values()])
    names = [f"{side} {row}" for side, part in parts.items() for row in range(len(part))]
    if told := twins.large_group(groups, names):
        warnings.warn(f"{name}: {told}", stacklevel=2)
    kept = on_one_side(groups.tolist(), sides.tolist(), name)
    return {side: replace(part, groups=groups[sides == side]).take(kept[sides == side]) for side, part in parts.items()}


def on_one_side(groups: Sequence[object], sides: Sequence[str], name: str) -> np.ndarray:
    """Return a mask of the pictures to keep so that no group is in two splits: groups in test are removed from train
    and val, and groups in val from train. Warn about the pictures that are left out."""
    home: dict[object, str] = {}
    for side in ("", "train", "val", "test"):
        home.update((group, side) for group, its in zip(groups, sides, strict=True) if its == side)
    left = Counter((its, home[group]) for group, its in zip(groups, sides, strict=True) if its != home[group])
    for (split, other), count in sorted(left.items()):
        those, why = ("pictures were", "their groups are") if count > 1 else ("picture was", "its group is")
        warnings.warn(f"{name}: {count} {split} {those} left out, because {why} also in {other}", stacklevel=3)
    return np.array([its == home[group] for group, its in zip(groups, sides, strict=True)], np.bool_)


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Merge two groupings: elements that share a group in `one` or in `other` are in one group of the result."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes = int(one.max(initial=-1)) + int(other.max(initial=-1)) + 2
    edges = coo_array((np.ones(len(one)), (one, one.max(initial=-1) + 1 + other)), shape=(nodes, nodes))
    return connected_components(edges, directed=False)[1][one]


def relative(paths: Sequence[str]) -> np.ndarray:
    """Return the paths relative to their common folder."""
    root = os.path.commonpath([Path(path).parent for path in paths])
    return np.array([Path(path).relative_to(root).as_posix() for path in paths])
