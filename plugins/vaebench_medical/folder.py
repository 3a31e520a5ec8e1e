"""Anyone's own pictures: class subfolders, or a CSV that says what each file shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from vaebench.interfaces import Limit, Splits
from vaebench_medical import decode, table
from vaebench_medical.grouping import by_twins
from vaebench_medical.image_files import Picture, PictureDataset, assemble
from vaebench_medical.layout import entries, listing, there

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
TWINS = "twins"
"""The value of `group` that asks for groups of pictures that are nearly the same"""
FOLDS = 5
"""One in so many pictures is for testing where no split is given."""
PEEK = 16
"""How many pictures are looked at to tell whether they are in colour."""


class Folder(PictureDataset):
    """`path` is a folder of class subfolders, perhaps below `train`, `val` and `test`, or a CSV with the columns `file`
    and `label`, and perhaps `group` and `split`; files are relative to it.

    `name` is what tables call the data; `healthy` the healthy classes, separated by `|`; `group` a pattern whose first
    bracket (or all of it) is the patient in a file's path; or `twins`, which groups pictures that are nearly the same.
    Without groups, every file is a patient of its own."""

    name = "folder"
    version = 1
    title = "Pictures of your own"
    modality = "any"
    licence = "your own"

    def __init__(
        self,
        path: str,
        name: str = "folder",
        healthy: str = "",
        group: str = "",
        colour: Literal["auto", "grey", "rgb"] = "auto",
        bits: int | None = None,
        aspect: Literal["stretch", "pad"] = "stretch",
        seed: int = 0,
    ) -> None:
        super().__init__(path)
        if not name or seed < 0 or not (bits is None or 1 <= bits <= 16):
            raise ValueError(f"name={name!r}, seed={seed}, bits={bits}: a name is needed, a seed from 0, 1 to 16 bits")
        self.name = name
        self.healthy = tuple(filter(None, (word.strip() for word in healthy.split("|"))))
        self.group = group
        self.colour = colour
        self.bits = bits
        self.aspect = aspect
        self.seed = seed
        try:
            self.pattern = re.compile(group) if group and group != TWINS else None
        except re.error as error:
            raise ValueError(f"group={group!r} is no regular expression: {error}") from error

    def obtain(self) -> str:
        return "Give the folder, or a CSV, of your pictures: -d 'folder[path=FOLDER,name=NAME,healthy=CLASS]'."

    def home(self, folder: Path) -> Path:
        root = Path(self.path or "").expanduser()
        if not there(root):
            raise ValueError(f"{root} is not there. {self.obtain()}")
        return root

    def pictures(self, home: Path) -> list[Picture]:
        read = self._table(home) if home.is_file() else self._tree(home)
        named = [(path, label, self._group(path, group, home), split) for path, label, group, split in read]
        self.classes = tuple(sorted({label for _, label, _, _ in named}))
        if unknown := set(self.healthy) - set(self.classes):
            raise ValueError(f"healthy={'|'.join(sorted(unknown))} is no class; the classes are {list(self.classes)}")
        numbers = {label: number for number, label in enumerate(self.classes)}
        found = [
            Picture(path, numbers[label], group, split, (label in self.healthy) if self.healthy else None)
            for path, label, group, split in sorted(named)
        ]
        if not found:
            raise ValueError(f"{home} names no pictures. {self.obtain()}")
        return found

    def verify(self, folder: Path) -> Iterator[str]:
        if self.group != TWINS:
            home = self.home(folder)
            self._divided(self.pictures(home), home)  # raises what is wrong with the splits
        yield from super().verify(folder)

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        home = self.home(folder)
        pictures = self.pictures(home)
        pictures = self._divided(by_twins(pictures, self) if self.group == TWINS else pictures, home)
        if self.colour == "auto":
            some = pictures[:: max(1, len(pictures) // PEEK)]
            self.channels = 3 if any(decode.is_colour(Path(p.path), self.bits) for p in some) else 1
        else:
            self.channels = 3 if self.colour == "rgb" else 1
        return assemble(pictures, self, size)

    def tables(self, home: Path) -> list[Path]:
        return [home] if home.is_file() else []

    def _tree(self, home: Path) -> Iterator[tuple[str, str, str, str]]:
        """Path, label, no group, and split."""
        inside = _folders(home)
        splits = {f.name: SPLITS[f.name.lower()] for f in inside if f.name.lower() in SPLITS}
        if not splits:
            if not inside:
                raise ValueError(f"{home} has no class subfolders; make one for each class, or give a CSV")
            splits = {".": ""}
        for folder, split in splits.items():
            for kind in _folders(home / folder):
                yield from ((path, kind.name, "", split) for path in listing(kind))

    def _table(self, csv: Path) -> Iterator[tuple[str, str, str, str]]:
        seen: dict[str, str] = {}
        for line, row in table.rows(csv, ("file", "label")):
            if not row["file"] or not row["label"]:
                raise ValueError(f"{csv}, line {line}: has no file or no label")
            path = str(table.inside(csv.parent, row["file"], f"{csv}, line {line}"))
            if not Path(path).is_file():
                raise ValueError(f"{csv}, line {line}: {path} is not there")
            if Path(path).suffix.lower() not in decode.SUFFIXES:
                raise ValueError(f"{csv}, line {line}: {path} is none of {', '.join(sorted(decode.SUFFIXES))}")
            split = row.get("split", "")
            if split and split.lower() not in SPLITS:
                raise ValueError(f"{csv}, line {line}: split {split!r} is none of train, val, test")
            if path in seen:
                if seen[path] != row["label"]:
                    raise ValueError(f"{csv}, line {line}: {row['file']} is {row['label']} here, {seen[path]} above")
                continue
            seen[path] = row["label"]
            yield path, row["label"], row.get("group", ""), SPLITS.get(split.lower(), "")

    def _group(self, path: str, given: str, home: Path) -> str:
        inside = Path(path).relative_to(home if home.is_dir() else home.parent).as_posix()
        if given or not self.pattern:
            return given or inside
        match = self.pattern.search(inside)
        if not match:
            raise ValueError(f"{path}: group={self.group!r} is not found in {inside!r}; change the pattern or the name")
        return match[1] if match.groups() else match[0]

    def _divided(self, pictures: list[Picture], home: Path) -> list[Picture]:
        """With the splits given; or, where none is, a fifth for testing: by group, stratified, seeded."""
        given = {p.split for p in pictures}
        if given - {""}:
            if missing := {"train", "test"} - given:
                raise ValueError(f"{home} gives splits, but no {' and no '.join(sorted(missing))} split; add it")
            if "" in given:
                bare = next(p.path for p in pictures if not p.split)
                raise ValueError(f"{home} gives splits, but none for {bare}; give one for each file, or for none")
            return pictures
        labels, groups = np.array([p.label for p in pictures]), np.array([p.group for p in pictures])
        for label, kind in enumerate(self.classes):
            count = len(np.unique(groups[labels == label]))
            if count < FOLDS:
                raise ValueError(
                    f"{home}: class {kind!r} has {count} groups, a split by group needs {FOLDS}; add pictures, leave "
                    "the class out, or give the split (train/ and test/, or a column `split`)"
                )
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        _, test = next(folds.split(labels, labels, groups))
        chosen = set(test.tolist())
        return [replace(p, split="test" if row in chosen else "train") for row, p in enumerate(pictures)]


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in entries(folder) if entry.is_dir() and not entry.name.startswith(".")]
