"""Files that a stranger may put in the place of a record, a picture, a board or weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)


FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "20 GB": _sparse,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
}


def put(how: str, path: Path) -> None:
    """Replace the file at `path`, if any, by one of FILES."""
    path.unlink(missing_ok=True)
    FILES[how](path)
