"""Groups of pictures whose patients nobody names: twins (pictures that are nearly the same) are kept together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vaebench import twins
from vaebench_medical import decode

if TYPE_CHECKING:
    from vaebench_medical.image_files import Picture, PictureDataset


def by_twins(pictures: Sequence[Picture], dataset: PictureDataset) -> list[Picture]:
    """The pictures with twins in one group, which has the name of its first file. A group that is suspiciously large is
    told in a warning.

    Thumbnails of one size decide, whatever the size that is trained at, so that the split is the same at all sizes."""
    paths = [picture.path for picture in pictures]
    thumbs, _ = decode.many(paths, twins.THUMB, 1, dataset.aspect, dataset.bits)
    groups = twins.find([thumbs], twins.SAFE).groups
    names = relative(paths)
    if told := twins.large_group(groups, names):
        warnings.warn(f"{dataset.name}: {told}", stacklevel=2)
    first = {int(group): str(names[row]) for row, group in reversed(list(enumerate(groups)))}
    return [replace(picture, group=first[int(group)]) for picture, group in zip(pictures, groups, strict=True)]


def relative(paths: Sequence[str]) -> np.ndarray:
    """The paths below the folder that all of them share."""
    root = os.path.commonpath([Path(path).parent for path in paths])
    return np.array([Path(path).relative_to(root).as_posix() for path in paths])
