"""Folders as people have them: which of the files are pictures, and what else lies there."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path

from vaebench_medical.decode import SUFFIXES

JUNK = frozenset({"thumbs.db", "desktop.ini"})


def listing(folder: Path) -> list[str]:
    """The picture files of a folder, by name. Files of other kinds are counted in a warning; hidden ones are not."""
    found, other = [], Counter[str]()
    for entry in entries(folder):
        kind = Path(entry.name).suffix.lower()
        if entry.name.startswith(".") or entry.name.lower() in JUNK or not entry.is_file():
            continue
        if kind in SUFFIXES:
            found.append(entry.path)
        else:
            other[kind or entry.name] += 1
    if other:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(other.items()))
        warnings.warn(f"{folder}: left out {kinds}, which are no pictures that can be read", stacklevel=2)
    if not found and other[".nii"] + other[".gz"]:
        raise ValueError(f"{folder} holds volumes and no pictures; say which of their slices: slices=axial")
    if not found:
        raise ValueError(f"{folder} holds no pictures; put some there ({', '.join(sorted(SUFFIXES))})")
    return found


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name."""
    try:
        with os.scandir(folder) as inside:
            return sorted(inside, key=lambda entry: entry.name)
    except OSError as error:
        why = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ValueError(f"{folder} {why}; check the path and its permissions") from error


def there(path: Path) -> bool:
    """Whether a file or folder exists. One that may not be looked at is told in a warning."""
    try:
        return path.exists()
    except OSError as error:
        warnings.warn(f"{path} cannot be looked at ({error.strerror}); change its permissions", stacklevel=2)
        return False
