"""Datasets that lie on disk as one file per picture: found, checked, decoded in threads, split by group."""

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
    """A file, and what is known of it."""

    path: str
    """Not a Path, which takes five times the memory: there may be a million."""
    label: int
    group: str
    split: str
    health: bool | None = None
    """True: healthy. False: diseased. None: neither, or not known."""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """x0, y0, x1, y1 of each finding, as fractions of the square"""
    factors: tuple[float, ...] = ()
    """Clinical variables, in the order of the dataset's `variables`"""
    masks: tuple[str, ...] = ()
    """Files that mark pixels of the anomaly, one for each finding"""


class PictureDataset(Dataset):
    """What datasets of picture files share. A subclass says where its folder lies and which pictures are in it."""

    aspect: decode.Aspect = "stretch"
    places: ClassVar[tuple[str, ...]] = ()
    """Folders below the data folder where it may lie, beside the one that has its name."""
    inner: ClassVar[tuple[str, ...]] = ()
    """Folders in those, as the published archives have them."""
    mark: ClassVar[tuple[str, ...]] = ()
    """What lies in its folder, and tells it; ` or ` stands between two names that it may have."""
    variables: ClassVar[tuple[str, ...]] = ()
    """Names of the clinical variables that its pictures have"""
    unpacks: ClassVar[str] = ""
    """Pattern of what to take from an archive; all of it, unless given."""
    bits: int | None = None
    local = ("path",)

    def __init__(self, path: str | None = None) -> None:
        self.path = path

    def pictures(self, home: Path) -> list[Picture]:
        """All pictures of the dataset whose folder is `home`."""
        raise NotImplementedError(f"{type(self).__name__} does not say which pictures it has: implement pictures()")

    def roots(self, folder: Path) -> list[Path]:
        """Where the dataset may lie, best first."""
        starts = [Path(self.path).expanduser()] if self.path else [folder / p for p in (self.name, *self.places, "")]
        return [start / inner for start in starts for inner in ("", *self.inner)]

    def home(self, folder: Path) -> Path:
        """The dataset's own folder. ValueError where there is none."""
        root, missing = self._look(folder)
        if root and not missing:
            return root
        fault = f"{root} holds no {' and no '.join(missing)}" if root else f"it is not below {folder}"
        raise ValueError(f"{self.name}: {fault}. {self.obtain()}")

    def present(self, folder: Path) -> bool:
        """A path that the user gives counts as there: phantoms must not stand in for a mistyped one, and `load` says
        what is wrong with it."""
        if self.path:
            return True
        root, missing = self._look(folder)
        if root and missing:
            warnings.warn(f"{self.name}: {root} holds no {' and no '.join(missing)}", stacklevel=2)
        return root is not None and not missing

    def _look(self, folder: Path) -> tuple[Path | None, list[str]]:
        """Where it lies, with nothing missing; or where a part of it lies, and what is missing there."""
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
        """Raise what is wrong with the splits; which pictures have to leave theirs is told in a warning."""
        apart(pictures, self.name)

    def tables(self, home: Path) -> list[Path]:
        """The files that say what the pictures show, where the folders do not."""
        return []

    def prepare(self, folder: Path) -> None:
        """Unpack an archive that the user put into the dataset's folder; else say how to get one."""
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
        """All of it, whatever the limit: the harness keeps what was decoded, and cuts by the trial's seed."""
        pictures = self.pictures(self.home(folder))
        return assemble(pictures, self, size)

    def published(self) -> dict[str, tuple[int, ...]]:
        """How many pictures each split has; several numbers where several editions differ."""
        return {}

    def verify(self, folder: Path) -> Iterator[str]:
        """What is wrong with the files, one sentence each."""
        home = self.home(folder)
        pictures = self.pictures(home)
        found = Counter(picture.split for picture in pictures)
        for split, counts in self.published().items():
            if found[split] not in counts:
                yield f"{split} has {found[split]} pictures, published are {' or '.join(map(str, counts))}"
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
    """Pictures decoded, by split; a group on two sides of a split leaves train."""
    kept = sorted(apart(pictures, dataset.name), key=lambda picture: (SPLITS.index(picture.split), picture.path))
    for name in ("train", "test"):
        if missing := set(range(len(dataset.classes))) - {p.label for p in kept if p.split == name}:
            lacking = ", ".join(repr(dataset.classes[label]) for label in sorted(missing))
            raise ValueError(f"{dataset.name}: its {name} split has no picture of {lacking}. {dataset.obtain()}")
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
    """Pictures whose group is on one side only."""
    kept = on_one_side([picture.group for picture in pictures], [picture.split for picture in pictures], name)
    return list(compress(pictures, kept))
