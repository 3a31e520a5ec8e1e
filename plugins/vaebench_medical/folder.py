"""Your own pictures, in one subfolder per class, or listed in a CSV file that gives the class of each picture."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from vaebench.interfaces import Limit, Splits
from vaebench_medical import decode, findings
from vaebench_medical.collection import Described, Slices, in_folders, in_table
from vaebench_medical.grouping import TWINS, by_twins
from vaebench_medical.image_files import Picture, PictureDataset, assemble
from vaebench_medical.layout import there

FOLDS = 5
"""One in this many pictures is used for testing if no split is given."""
PEEK = 16
"""The number of pictures that are examined to detect colour."""
SLICED = "every must be at least 1 and requires slices; masks of volumes are not supported"


class Folder(PictureDataset):
    """Your own pictures. `path` is either a folder with one subfolder per class, optionally inside `train`, `val` and
    `test`; or a CSV file with the columns `file` (relative to the CSV) and `label`, and optionally `group` and `split`.

    `name` is the name of the data in tables, and `healthy` lists the healthy classes, separated by `|`. `group` is a
    regular expression whose first capture group (or whole match) in a file's path identifies the patient; or `twins`,
    which groups pictures that are nearly the same. Without `group`, every file counts as a separate patient. Masks are
    files `NAME_mask.png` next to their pictures, files in the folder `masks`, or listed in the CSV file, which may also
    list boxes. With `slices` (axial, coronal or sagittal), the files are read as volumes, and the slices of a volume
    form one group; `every=n` uses only every n-th slice."""

    name = "folder"
    version = 2
    local = ("path", "masks")
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
        masks: str = "",
        slices: Literal["", "axial", "coronal", "sagittal"] = "",
        every: int = 1,
    ) -> None:
        super().__init__(path)
        if not name or seed < 0 or not (bits is None or 1 <= bits <= 16):
            raise ValueError(f"name={name!r}, seed={seed}, bits={bits}: give a name, a seed >= 0, and 1 to 16 bits")
        self.name = name
        self.healthy = tuple(filter(None, (word.strip() for word in healthy.split("|"))))
        self.group = group
        self.colour = colour
        self.bits = bits
        self.aspect = aspect
        self.seed = seed
        self.masks = masks
        self.slices = slices
        self.every = every
        if every < 1 or (every > 1 and not slices) or (slices and masks):
            raise ValueError(f"every={every}, slices={slices!r}, masks={masks!r}: {SLICED}")
        try:
            self.pattern = re.compile(group) if group and group != TWINS else None
        except re.error as error:
            raise ValueError(f"group={group!r} is not a regular expression: {error}") from error

    def obtain(self) -> str:
        return "Give the folder or the CSV file of your pictures: -d 'folder[path=FOLDER,name=NAME,healthy=CLASS]'."

    def home(self, folder: Path) -> Path:
        root = Path(self.path or "").expanduser()
        if not there(root):
            raise ValueError(f"{root} does not exist. {self.obtain()}")
        return root

    def pictures(self, home: Path) -> list[Picture]:
        root = home if home.is_dir() else home.parent
        own = root / Path(self.masks).expanduser() if self.masks else None
        if own and not own.is_dir():
            raise ValueError(
                f"masks={self.masks}: {own} is not a folder; give the folder with the masks as an absolute path, or as "
                f"a path relative to {root}"
            )
        sliced = Slices(self.slices, self.every) if self.slices else None
        read = sorted(in_table(home, self.aspect, sliced) if home.is_file() else in_folders(home, own, sliced))
        if not read:
            raise ValueError(f"{home} lists no pictures. {self.obtain()}")
        self.classes = tuple(sorted({one.label for one in read}))
        if unknown := set(self.healthy) - set(self.classes):
            raise ValueError(f"healthy={'|'.join(sorted(unknown))}: no such class; classes are {list(self.classes)}")
        numbers = {label: number for number, label in enumerate(self.classes)}
        masks = findings.index(own) if own else {}
        found, unused = [], 0
        for one in read:
            inside = Path(one.volume or one.path).relative_to(root)
            group = self._group(one, inside.as_posix())
            picture = Picture(one.path, numbers[one.label], group, one.split)
            marked = masks.get(inside.with_suffix("").as_posix()) or masks.get(inside.stem) or one.masks
            if self.healthy:
                health = one.label in self.healthy
                if health and one.boxes:
                    raise ValueError(f"{one.path}: a healthy picture has a box; correct the box or the class")
                picture = replace(picture, health=health, masks=tuple(marked), boxes=one.boxes)
            else:
                unused += bool(marked or one.boxes)
            found.append(picture)
        if unused:
            warnings.warn(
                f"{self.name}: masks and boxes of {unused} picture{'s' if unused > 1 else ''} are not used, because no "
                f"class is marked as healthy; add healthy=CLASS, where CLASS is one of {list(self.classes)}",
                stacklevel=2,
            )
        elif own and not any(picture.masks for picture in found):
            raise ValueError(
                f"masks={self.masks}: no file in {own} is named after a picture (NAME.png or NAME_mask.png)"
            )
        return found

    def check(self, pictures: Sequence[Picture], home: Path) -> None:
        _whole(pictures, home)
        if self.group != TWINS:
            self._enough(pictures, home)
            super().check(pictures, home)

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        home = self.home(folder)
        pictures = self.pictures(home)
        _whole(pictures, home)
        pictures = self._divided(by_twins(pictures, self) if self.group == TWINS else pictures, home)
        if self.colour == "auto":
            some = pictures[:: max(1, len(pictures) // PEEK)]
            self.channels = 3 if any(decode.is_colour(Path(p.path), self.bits) for p in some) else 1
        else:
            self.channels = 3 if self.colour == "rgb" else 1
        return assemble(pictures, self, size)

    def tables(self, home: Path) -> list[Path]:
        return [home] if home.is_file() else []

    def _group(self, one: Described, inside: str) -> str:
        if one.group or not self.pattern:
            return one.group or inside
        match = self.pattern.search(inside)
        if not match:
            raise ValueError(
                f"{one.path}: group={self.group!r} does not match {inside!r}; change the pattern or rename the file"
            )
        return match[1] if match.groups() else match[0]

    def _enough(self, pictures: Sequence[Picture], home: Path) -> None:
        """Raise ValueError if no split is given and a class has too few groups to divide."""
        if any(picture.split for picture in pictures):
            return
        found = {(picture.label, picture.group) for picture in pictures}
        counts = Counter(label for label, _ in found)
        for label, kind in enumerate(self.classes):
            if counts[label] < FOLDS:
                groups = f"{counts[label]} group{'s' if counts[label] > 1 else ''}"
                raise ValueError(
                    f"{home}: class {kind!r} has {groups}, but a split by group needs {FOLDS}; add "
                    "pictures, leave the class out, or define the split (train/ and test/, or a column `split`)"
                )

    def _divided(self, pictures: list[Picture], home: Path) -> list[Picture]:
        """Return the pictures with their given splits. If no splits are given, whole groups with about a fifth of the
        pictures are drawn at random for testing, stratified by class."""
        if any(picture.split for picture in pictures):
            return pictures
        from sklearn.model_selection import StratifiedGroupKFold  # takes seconds to import, and plans do not need it

        self._enough(pictures, home)
        labels, groups = np.array([p.label for p in pictures]), np.array([p.group for p in pictures])
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        _, test = next(folds.split(labels, labels, groups))
        chosen = set(test.tolist())
        return [replace(p, split="test" if row in chosen else "train") for row, p in enumerate(pictures)]


def _whole(pictures: Sequence[Picture], home: Path) -> None:
    """Raise ValueError unless either all pictures have a split or none has."""
    given = {p.split for p in pictures}
    if given - {""}:
        if missing := {"train", "test"} - given:
            lacking = " and no ".join(sorted(missing))
            raise ValueError(f"{home} defines splits, but no {lacking} split; both train and test are needed")
        if "" in given:
            bare = next(p.path for p in pictures if not p.split)
            raise ValueError(f"{home} defines splits, but {bare} has none; define one for all files or none")
