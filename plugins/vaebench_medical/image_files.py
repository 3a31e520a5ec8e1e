"""Datasets that lie on disk as one file per picture: found, checked, decoded in threads, split by group."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from vaebench.interfaces import Dataset, Limit, NotApplicable, Split, Splits
from vaebench_medical import archive, decode
from vaebench_medical.grouping import relative
from vaebench_medical.layout import there


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


class PictureDataset(Dataset):
    """What datasets of picture files share. A subclass says where its folder lies and which pictures are in it."""

    aspect: decode.Aspect = "stretch"
    places: ClassVar[tuple[str, ...]] = ()
    """Folders below the data folder where it may lie, beside the one that has its name."""
    inner: ClassVar[tuple[str, ...]] = ()
    """Folders in those, as the published archives have them."""
    mark: ClassVar[tuple[str, ...]] = ()
    """What lies in its folder, and tells it."""
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
            missing = [mark for mark in self.mark if not there(root / mark)]
            if not missing:
                return root, []
            if len(missing) < len(partly[1] or self.mark):
                partly = root, missing
        return partly

    def files(self, folder: Path) -> list[Path]:
        home = self.home(folder)
        return [*self.tables(home), *(Path(picture.path) for picture in self.pictures(home))]

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
        pictures = self.pictures(self.home(folder))
        found = Counter(picture.split for picture in pictures)
        for split, counts in self.published().items():
            if found[split] not in counts:
                yield f"{split} has {found[split]} pictures, published are {' or '.join(map(str, counts))}"
        for picture in pictures:
            try:
                decode.picture(Path(picture.path), 32, self.channels, self.aspect, self.bits)
            except ValueError as error:
                yield str(error)


def assemble(pictures: Sequence[Picture], dataset: PictureDataset, size: int) -> Splits:
    """Pictures decoded, by split; a group on two sides of a split leaves train."""
    kept = apart(pictures, dataset.name)
    names = dict(zip((p.path for p in kept), relative([p.path for p in kept]), strict=True)) if kept else {}
    judged = any(picture.health is not None for picture in kept)
    parts: dict[str, Split] = {}
    for name in ("train", "val", "test"):
        rows = sorted((p for p in kept if p.split == name), key=lambda p: p.path)
        if not rows and name == "val":
            continue
        missing = set(range(len(dataset.classes))) - {p.label for p in rows}
        if missing and name != "val":
            lacking = ", ".join(repr(dataset.classes[label]) for label in sorted(missing))
            raise ValueError(f"{dataset.name}: its {name} split has no picture of {lacking}. {dataset.obtain()}")
        health = [p.health for p in rows]
        paths = [p.path for p in rows]
        images, native = decode.many(paths, size, dataset.channels, dataset.aspect, dataset.bits)
        factors = {v: np.array([p.factors[i] for p in rows]) for i, v in enumerate(dataset.variables)}
        parts[name] = Split(
            images=images,
            labels=np.array([p.label for p in rows], np.int64),
            groups=np.array([p.group for p in rows]),
            healthy=np.array([h is True for h in health]) if judged else None,
            diseased=np.array([h is False for h in health]) if judged else None,
            boxes=_boxes(rows) if any(p.boxes for p in kept) else None,
            factors=factors | {"native_height": native[:, 0], "native_width": native[:, 1]},
            files=np.array([names[p.path] for p in rows]),
        )
    return Splits(**parts)


def apart(pictures: Iterable[Picture], name: str) -> list[Picture]:
    """Pictures whose group is on one side only: groups of test leave train and val, groups of val leave train."""
    sides: dict[str, set[str]] = {}
    for picture in pictures:
        sides.setdefault(picture.group, set()).add(picture.split)
    home = {group: next(s for s in ("test", "val", "train") if s in split) for group, split in sides.items()}
    kept = [p for p in pictures if p.split == home[p.group]]
    left = Counter((p.split, home[p.group]) for p in pictures if p.split != home[p.group])
    for (split, other), count in sorted(left.items()):
        warnings.warn(f"{name}: {count} {split} pictures left out, whose groups {other} has too", stacklevel=2)
    return kept


def _boxes(rows: Sequence[Picture]) -> np.ndarray:
    most = max(1, max(len(p.boxes) for p in rows))
    empty = (np.nan,) * 4
    return np.array([[*p.boxes, *[empty] * (most - len(p.boxes))] for p in rows], np.float32)
