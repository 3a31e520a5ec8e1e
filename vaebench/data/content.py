"""A digest of the content of source files. A file is hashed again only if its size, modification time or inode
changes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from vaebench.records.store import write_atomically
from vaebench.trial import canonical


def digest_of_files(files: Iterable[Path], memory: Path) -> str:
    """Return a digest of the contents of files and of their paths within their common folder, which may be anywhere.
    The hashes of files are stored in the folder `memory`."""
    paths = sorted(path.absolute() for path in files)
    if not paths:
        return ""
    root = Path(os.path.commonpath([path.parent for path in paths]))
    notebook = memory / f"{hashlib.sha256(str(root).encode()).hexdigest()[:16]}.json"
    known = _read(notebook)
    names = [path.relative_to(root).as_posix() for path in paths]
    stamps = [[stat.st_size, stat.st_mtime_ns, stat.st_ino] for stat in map(Path.stat, paths)]
    new = [
        (name, path)
        for name, path, stamp in zip(names, paths, stamps, strict=True)
        if known.get(name, ())[:-1] != stamp
    ]
    with ThreadPoolExecutor() as pool:
        fresh = dict(zip((name for name, _ in new), pool.map(lambda one: _hash(one[1]), new), strict=True))
    told = {name: [*stamp, fresh.get(name) or known[name][-1]] for name, stamp in zip(names, stamps, strict=True)}
    if fresh:
        with suppress(OSError):  # on a read-only or full disk, the files are hashed again next time
            write_atomically(notebook, canonical(told).encode())
    return hashlib.sha256(canonical({name: entry[-1] for name, entry in told.items()}).encode()).hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(notebook: Path) -> dict[str, list[int | str]]:
    try:
        known = json.loads(notebook.read_bytes())
    except (OSError, ValueError):
        return {}
    good = isinstance(known, dict) and all(isinstance(entry, list) and len(entry) == 4 for entry in known.values())
    return known if good else {}
