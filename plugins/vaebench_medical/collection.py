"""Pictures as their owner describes them: a folder for each class, or a CSV that says what each file shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vaebench_medical import decode, findings, table
from vaebench_medical.findings import Box
from vaebench_medical.layout import entries, listing

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names that a CSV may give a split, by the split that is meant"""
CORNERS = ("x0", "y0", "x1", "y1")
"""Columns of a box, in pixels of its picture"""


class Described(NamedTuple):
    """A file, and what its owner says of it; empty where nothing is said."""

    path: str
    label: str
    group: str = ""
    split: str = ""
    masks: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


def in_folders(home: Path, without: Path | None = None) -> Iterator[Described]:
    """The pictures in class subfolders of `home`, perhaps below folders of splits, with the masks that lie beside them.
    The folder `without` is none of a class."""
    inside = [folder for folder in _folders(home) if folder != without]
    splits = {f.name: SPLITS[f.name.lower()] for f in inside if f.name.lower() in SPLITS}
    if not splits:
        if not inside:
            raise ValueError(f"{home} has no class subfolders; make one for each class, or give a CSV")
        splits = {".": ""}
    for folder, split in splits.items():
        for kind in _folders(home / folder):
            if kind != without:
                pictures, masks = findings.beside(listing(kind))
                yield from (Described(p, kind.name, "", split, tuple(masks.get(p, ()))) for p in pictures)


def in_table(csv: Path, aspect: decode.Aspect) -> Iterator[Described]:
    """The pictures that a CSV names. Further rows of a file add masks and boxes, and must agree in all else."""
    found: dict[str, Described] = {}
    for line, row in table.rows(csv, ("file", "label")):
        told = f"{csv}, line {line}"
        if not row["file"] or not row["label"]:
            raise ValueError(f"{told}: has no file or no label")
        path = _file(csv, row["file"], told)
        split = row.get("split", "")
        if split and split.lower() not in SPLITS:
            raise ValueError(f"{told}: split {split!r} is none of train, val, test")
        new = Described(path, row["label"], row.get("group", ""), SPLITS.get(split.lower(), ""))
        known = found.get(path, new)
        for what in ("label", "group", "split"):
            if getattr(known, what) != getattr(new, what):
                one, other = (getattr(row, what) or "empty" for row in (new, known))
                raise ValueError(
                    f"{told}: {row['file']} is {one} here, {other} above; say the same {what} in both rows"
                )
        masks, boxes = list(known.masks), list(known.boxes)
        if row.get("mask") and (mask := _file(csv, row["mask"], told)) not in masks:
            masks.append(mask)
        if (box := _box(row, path, aspect, told)) and box not in boxes:
            boxes.append(box)
        found[path] = known._replace(masks=tuple(masks), boxes=tuple(boxes))
    yield from found.values()


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


def _file(csv: Path, name: str, told: str) -> str:
    path = table.inside(csv.parent, name, told)
    if not path.is_file():
        raise ValueError(f"{told}: {path} is not there")
    if path.suffix.lower() not in decode.SUFFIXES:
        raise ValueError(f"{told}: {path} is none of {', '.join(sorted(decode.SUFFIXES))}")
    return str(path)


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in entries(folder) if entry.is_dir() and not entry.name.startswith(".")]
