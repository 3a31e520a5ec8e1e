"""Datasets stored as one file per picture. The files are found, checked, decoded in threads, and split by group."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import ClassVar

import numpy as np

from vaebench.interfaces import Dataset, Limit, NotApplicable, Split, Splits
from vaebench_medical import archive, decode, findings, volumes
from vaebench_medical.grouping import on_one_side, relative
from vaebench_medical.layout import there

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file and its metadata."""

    path: str
    """A str, because a Path takes five times the memory and there may be a million pictures."""
    label: int
    group: str
    split: str
    health: bool | None = None
    """True: healthy. False: diseased. None: neither, or not known."""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """x0, y0, x1, y1 of each finding, as fractions of the square picture"""
    factors: tuple[float, ...] = ()
    """Clinical variables, in the order of the dataset's `variables`"""
    masks: tuple[str, ...] = ()
    """Mask files that mark the pixels of the anomaly, one for each finding"""


class PictureDataset(Dataset):
    """The base class of datasets of picture files. A subclass defines the dataset's folder and pictures."""

    aspect: decode.Aspect = "stretch"
    places: ClassVar[tuple[str, ...]] = ()
    """Folders below the data folder in which the dataset may be, in addition to the folder with the dataset's name."""
    inner: ClassVar[tuple[str, ...]] = ()
    """Subfolders of the dataset's folder in which the published archives store the pictures."""
    mark: ClassVar[tuple[str, ...]] = ()
    """Files and folders by which the dataset's folder is recognised; ` or ` separates alternative names."""
    variables: ClassVar[tuple[str, ...]] = ()
    """The names of the pictures' clinical variables"""
    unpacks: ClassVar[str] = ""
    """A pattern of the files to unpack from an archive; by default, all of them."""
    bits: int | None = None
    local = ("path",)

    def __init__(self, path: str | None = None) -> None:
        self.path = path

    def pictures(self, home: Path) -> list[Picture]:
        """Return all pictures of the dataset whose folder is `home`."""
        raise NotImplementedError(f"{type(self).__name__} must implement pictures(), which returns its pictures")

    def roots(self, folder: Path) -> list[Path]:
        """Return the folders in which the dataset may be, in order of preference."""
        starts = [Path(self.path).expanduser()] if self.path else [folder / p for p in (self.name, *self.places, "")]
        return [start / inner for start in starts for inner in ("", *self.inner)]

    def home(self, folder: Path) -> Path:
        """Return the dataset's folder; raise ValueError if it is missing or incomplete."""
        root, missing = self._look(folder)
        if root and not missing:
            return root
        fault = f"{root} contains no {' and no '.join(missing)}" if root else f"no images were found below {folder}"
        raise ValueError(f"{self.name}: {fault}. {self.obtain()}")

    def present(self, folder: Path) -> bool:
        """Return whether the dataset is present. If the user gives a path, the result is always True: phantoms must not
        replace the data of a mistyped path, and `load` reports what is wrong with it."""
        if self.path:
            return True
        root, missing = self._look(folder)
        if root and missing:
            warnings.warn(f"{self.name}: {root} contains no {' and no '.join(missing)}", stacklevel=2)
        return root is not None and not missing

    def _look(self, folder: Path) -> tuple[Path | None, list[str]]:
        """Return the dataset's folder and an empty list if it is complete. Otherwise, return a folder with a part of
        the dataset (None if there is no such folder) and a list of the parts that are missing there."""
        partly: tuple[Path | None, list[str]] = (self.roots(folder)[0], list(self.mark)) if self.path else (None, [])
        for root in self.roots(folder):
            missing = [mark for mark in self.mark if not any(there(root / name) for name in mark.split(" or "))]
            if not missing:
                return root, []
            if len(missing) < len(partly[1] or self.mark):
                partly = root, missing
        return partly

    def files(self, folder: Path) -> list[Path]:
        home = self.home(folder)
        pictures = self.pictures(home)
        self.check(pictures, home)
        return [*self.tables(home), *volumes.files(path for one in pictures for path in (one.path, *one.masks))]

    def check(self, pictures: Sequence[Picture], home: Path) -> None:
        """Check the splits: raise ValueError if they are wrong, and warn about pictures that must be left out."""
        apart(pictures, self.name)

    def tables(self, home: Path) -> list[Path]:
        """Return the tables that describe the pictures, if the folders do not."""
        return []

    def prepare(self, folder: Path) -> None:
        """Unpack an archive that the user put into the dataset's folder; if there is none, explain how to get one."""
        place = Path(self.path).expanduser() if self.path else folder / self.name
        found = sorted(place.glob("*.zip")) if place.is_dir() else []
        try:
            self.home(folder)
            return
        except ValueError as error:
            if not found:
                raise NotApplicable(str(error)) from error
        for path in found:
            archive.unpack(path, place, re.compile(self.unpacks))
        self.home(folder)

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        """Load the whole dataset, whatever the limit: the harness caches it, and subsamples it by the trial's seed."""
        pictures = self.pictures(self.home(folder))
        return assemble(pictures, self, size)

    def published(self) -> dict[str, tuple[int, ...]]:
        """Return the published number of pictures in each split, or several numbers if editions differ."""
        return {}

    def verify(self, folder: Path) -> Iterator[str]:
        """Yield one sentence for each problem with the files."""
        home = self.home(folder)
        pictures = self.pictures(home)
        found = Counter(picture.split for picture in pictures)
        for split, counts in self.published().items():
            if found[split] not in counts:
                yield f"{split} has {found[split]} pictures; {' or '.join(map(str, counts))} are published"
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self.check(pictures, home)
        yield from (str(one.message) for one in said)
        for picture in pictures:
            try:
                _, native = decode.with_native(Path(picture.path), 32, self.channels, self.aspect, self.bits)
                findings.marked(picture, native, 32, self.aspect)
            except ValueError as error:
                yield str(error)


def assemble(pictures: Sequence[Picture], dataset: PictureDataset, size: int) -> Splits:
    """Decode the pictures and return the splits. A group in several splits is kept only in the last of
    them, in the order train, val, test."""
    kept = sorted(apart(pictures, dataset.name), key=lambda picture: (SPLITS.index(picture.split), picture.path))
    for name in ("train", "test"):
        if missing := set(range(len(dataset.classes))) - {p.label for p in kept if p.split == name}:
            lacking = ", ".join(repr(dataset.classes[label]) for label in sorted(missing))
            raise ValueError(f"{dataset.name}: the {name} split has no picture of {lacking}. {dataset.obtain()}")
    paths = [picture.path for picture in kept]
    names = relative(paths)
    images, native = decode.many(paths, size, dataset.channels, dataset.aspect, dataset.bits)
    judged = any(picture.health is not None for picture in kept)
    masked, boxed = (any(getattr(picture, kind) for picture in kept) for kind in ("masks", "boxes"))
    parts: dict[str, Split] = {}
    start = 0
    for name in SPLITS:
        rows = [picture for picture in kept if picture.split == name]
        here, start = slice(start, start + len(rows)), start + len(rows)
        if not rows:
            continue
        factors = {v: np.array([p.factors[i] for p in rows]) for i, v in enumerate(dataset.variables)}
        parts[name] = Split(
            images=images[here],
            labels=np.array([p.label for p in rows], np.int64),
            groups=np.array([p.group for p in rows]),
            healthy=np.array([p.health is True for p in rows]) if judged else None,
            diseased=np.array([p.health is False for p in rows]) if judged else None,
            masks=findings.masks(rows, native[here], size, dataset) if masked else None,
            boxes=findings.boxes(rows) if boxed else None,
            factors=factors | {"native_height": native[here, 0], "native_width": native[here, 1]},
            files=names[here],
        )
    return Splits(**parts)


def apart(pictures: Sequence[Picture], name: str) -> list[Picture]:
    """Return the pictures without those that `on_one_side` removes because their group is in two splits."""
    kept = on_one_side([picture.group for picture in pictures], [picture.split for picture in pictures], name)
    return list(compress(pictures, kept))
