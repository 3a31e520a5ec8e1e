"""Listings of users' folders: the pictures they contain, and warnings about other files."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path

from vaebench_medical.decode import SUFFIXES

JUNK = frozenset({"thumbs.db", "desktop.ini"})


def listing(folder: Path) -> list[str]:
    """Return the picture files in a folder, sorted by name. Warn about files of other kinds, except hidden ones."""
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
        warnings.warn(f"{folder}: files that cannot be read as pictures were left out: {kinds}", stacklevel=2)
    if not found and other[".nii"] + other[".gz"]:
        raise ValueError(f"{folder} contains volumes but no pictures; choose a plane, for example slices=axial")
    if not found:
        raise ValueError(f"{folder} contains no pictures; add some ({', '.join(sorted(SUFFIXES))})")
    return found


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name."""
    try:
        with os.scandir(folder) as inside:
            return sorted(inside, key=lambda entry: entry.name)
    except OSError as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ValueError(f"{folder} {why}; check the path and its permissions") from error


def there(path: Path) -> bool:
    """Return whether a file or folder exists. Warn if permissions do not allow the check."""
    try:
        return path.exists()
    except OSError as error:
        warnings.warn(f"{path} cannot be accessed ({error.strerror}); change its permissions", stacklevel=2)
        return False
