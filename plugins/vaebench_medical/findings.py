"""The locations of findings: mask files next to pictures, and boxes."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vaebench_medical import decode, storage

if TYPE_CHECKING:
    from vaebench_medical.image_files import Picture, PictureDataset

NAMED = re.compile(r"(?P<of>.+)_mask(_\d+)?")
"""The pattern of a mask's name without suffix: `scan 7_mask` or `scan 7_mask_1` for `scan 7`, as in the dataset BUSI"""
Box = tuple[float, float, float, float]


def beside(files: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the pictures among the files of a folder, and the masks of each picture. `NAME_mask.png` or
    `NAME_mask_1.png` is a mask if the folder contains a picture NAME. All other files are pictures, even if their names
    end in `_mask`."""
    listed = list(files)
    stems = {Path(file).stem: file for file in listed}
    masks: dict[str, list[str]] = defaultdict(list)
    for file in listed:
        match = NAMED.fullmatch(Path(file).stem)
        if match and match["of"] in stems:
            masks[stems[match["of"]]].append(file)
    taken = {file for found in masks.values() for file in found}
    return [file for file in listed if file not in taken], masks


def index(folder: Path) -> dict[str, list[str]]:
    """Return the masks in a separate folder, keyed by the relative path of their picture without its suffix."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in decode.SUFFIXES:
            match = NAMED.fullmatch(path.stem)
            found[path.relative_to(folder).with_name(match["of"] if match else path.stem).as_posix()].append(str(path))
    return found


def masks(pictures: Sequence[Picture], native: np.ndarray, size: int, dataset: PictureDataset) -> np.ndarray:
    """Return the masks of pictures, bool (N, size, size). Warn about diseased pictures without a mask."""
    drawn = storage.allocate((len(pictures), size, size), np.bool_)
    for row, picture in enumerate(pictures):
        drawn[row] = marked(picture, (int(native[row, 0]), int(native[row, 1])), size, dataset.aspect)
    if bare := [picture.path for picture in pictures if picture.health is False and not picture.masks]:
        warnings.warn(
            f"{dataset.name}: {len(bare)} diseased picture{'s have' if len(bare) > 1 else ' has'} no mask, for example "
            f"{Path(bare[0]).name}; localisation metrics count all pixels of such pictures as healthy",
            stacklevel=3,
        )
    return drawn


def marked(picture: Picture, native: tuple[int, int], size: int, aspect: decode.Aspect) -> np.ndarray:
    """Return the pixels that at least one mask of a picture marks, bool (size, size)."""
    drawn = np.zeros((size, size), np.bool_)
    for path in picture.masks:
        found, its = decode.mask(Path(path), size, aspect)
        if its != native:
            raise ValueError(
                f"{path}: the mask has {its[0]} x {its[1]} pixels, but its picture has {native[0]} x {native[1]}; both "
                "must have the same size"
            )
        if picture.health and found.any():
            raise ValueError(f"{path}: the mask of a healthy picture is not empty; correct the mask or the class")
        drawn |= found
    return drawn


def boxes(pictures: Sequence[Picture]) -> np.ndarray:
    """Return the boxes of pictures, float32 (N, K, 4). K is the largest number of boxes of a picture;
    for pictures with fewer boxes, the missing ones are NaN."""
    most = max(1, *(len(picture.boxes) for picture in pictures))
    empty = (np.nan,) * 4
    return np.array([[*picture.boxes, *[empty] * (most - len(picture.boxes))] for picture in pictures], np.float32)


def squared(box: Box, shape: tuple[float, float], aspect: decode.Aspect) -> Box:
    """Convert a box in pixels of a picture (height, width) to fractions of the square picture made from it."""
    height, width = shape
    x0, y0, x1, y1 = box
    if aspect == "stretch":
        return x0 / width, y0 / height, x1 / width, y1 / height
    side = max(height, width)
    left, top = (side - width) / 2, (side - height) / 2
    return (x0 + left) / side, (y0 + top) / side, (x1 + left) / side, (y1 + top) / side
