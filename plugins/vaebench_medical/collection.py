"""Pictures as described by their owner: in one folder per class, or in a CSV file that gives each picture's class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vaebench_medical import decode, findings, nifti, table, volumes
from vaebench_medical.findings import Box
from vaebench_medical.layout import entries, listing

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Accepted name of a split, as a folder or in a CSV file -> the split"""
CORNERS = ("x0", "y0", "x1", "y1")
"""The CSV columns of a box's two corners, in pixels of its picture"""


class Described(NamedTuple):
    """A file and its owner's description of it; missing items are empty."""

    path: str
    label: str
    group: str = ""
    split: str = ""
    masks: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    volume: str = ""
    """The file or folder of the volume, if this is a slice"""


class Slices(NamedTuple):
    """The choice of slices: their plane, and the step from one chosen slice to the next."""

    plane: str
    every: int = 1

    def of(self, one: Described) -> Iterator[Described]:
        """Yield a volume's slices, with the description of the volume."""
        for path, volume in volumes.slices(Path(one.path), self.plane, self.every):
            yield one._replace(path=path, volume=volume)


def in_folders(home: Path, without: Path | None = None, sliced: Slices | None = None) -> Iterator[Described]:
    """Yield the pictures in the class subfolders of `home`, with the masks next to them, or, with `sliced`, the slices
    of the volumes there. Class folders may be inside folders of splits, such as `train`. If `without` is given, that
    folder is skipped."""
    inside = [folder for folder in _folders(home) if folder != without]
    splits = {f.name: SPLITS[f.name.lower()] for f in inside if f.name.lower() in SPLITS}
    if not splits:
        if not inside:
            raise ValueError(f"{home} has no class subfolders; make one for each class, or give a CSV file")
        splits = {".": ""}
    for folder, split in splits.items():
        for kind in _folders(home / folder):
            if sliced:
                yield from (one for path in _volumes(kind) for one in sliced.of(Described(path, kind.name, "", split)))
            elif kind != without:
                pictures, masks = findings.beside(listing(kind))
                yield from (Described(p, kind.name, "", split, tuple(masks.get(p, ()))) for p in pictures)


def in_table(csv: Path, aspect: decode.Aspect, sliced: Slices | None = None) -> Iterator[Described]:
    """Yield the pictures that a CSV file lists, or, with `sliced`, the slices of the volumes. If several rows list the
    same file, each adds its mask and box, and all other columns must agree."""
    found: dict[str, Described] = {}
    for line, row in table.rows(csv, ("file", "label")):
        told = f"{csv}, line {line}"
        if not row["file"] or not row["label"]:
            raise ValueError(f"{told}: column `file` or `label` is empty")
        path = _file(csv, row["file"], told, bool(sliced))
        split = row.get("split", "")
        if split and split.lower() not in SPLITS:
            raise ValueError(f"{told}: split {split!r} is not one of train, val, test")
        new = Described(path, row["label"], row.get("group", ""), SPLITS.get(split.lower(), ""))
        known = found.get(path, new)
        for what in ("label", "group", "split"):
            if getattr(known, what) != getattr(new, what):
                one, other = (getattr(row, what) or "empty" for row in (new, known))
                raise ValueError(
                    f"{told}: the {what} of {row['file']} is {one} here but {other} above; use one {what} in both rows"
                )
        if sliced and (row.get("mask") or any(row.get(name) for name in CORNERS)):
            raise ValueError(f"{told}: masks and boxes are not supported for slices; omit their columns")
        masks, boxes = list(known.masks), list(known.boxes)
        if row.get("mask") and (mask := _file(csv, row["mask"], told)) not in masks:
            masks.append(mask)
        if (box := _box(row, path, aspect, told)) and box not in boxes:
            boxes.append(box)
        found[path] = known._replace(masks=tuple(masks), boxes=tuple(boxes))
    for one in found.values():
        yield from sliced.of(one) if sliced else (one,)


def _volumes(folder: Path) -> list[str]:
    if not (found := volumes.below(folder)):
        raise ValueError(f"{folder} contains no volumes; add some (.nii, .nii.gz, or a folder of DICOM files for each)")
    return found


def _box(row: dict[str, str], path: str, aspect: decode.Aspect, told: str) -> Box | None:
    texts = [row.get(name, "") for name in CORNERS]
    if not any(texts):
        return None
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"{told}: a box needs four numbers in {', '.join(CORNERS)}, not {texts}") from error
    height, width = decode.native_size(Path(path))
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(
            f"{told}: the box from {x0:g}, {y0:g} to {x1:g}, {y1:g} does not lie in the picture of {width} x {height} "
            "pixels; give x0 < x1 and y0 < y1 in pixels"
        )
    return findings.squared((x0, y0, x1, y1), (height, width), aspect)


def _file(csv: Path, name: str, told: str, volume: bool = False) -> str:
    path = table.inside(csv.parent, name, told)
    if not (path.exists() if volume else path.is_file()):
        raise ValueError(f"{told}: {path} does not exist")
    if volume != (path.is_dir() or nifti.is_volume(path)):
        raise ValueError(f"{told}: {path} {'is not a volume; omit `slices`' if volume else volumes.SLICES}")
    if volume:
        return str(path)
    if path.suffix.lower() not in decode.SUFFIXES:
        raise ValueError(f"{told}: the suffix of {path} is not one of {', '.join(sorted(decode.SUFFIXES))}")
    return str(path)


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in entries(folder) if entry.is_dir() and not entry.name.startswith(".")]
