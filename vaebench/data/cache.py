"""A disk cache of results that depend on a dataset alone: one trial computes them, and other trials on the same images
read them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from vaebench.data.prepare import code_digest, columns, digest_of
from vaebench.evidence import Arrays, Code
from vaebench.interfaces import Split
from vaebench.records.provenance import PACKAGES, device_name, package_version
from vaebench.records.store import write_atomically
from vaebench.trial import canonical, slug


class Cache:
    """A cache of arrays that depend on one dataset, stored in a folder and used by `vaebench.evidence`."""

    def __init__(self, folder: Path, dataset: str, device: str = "cpu") -> None:
        self.folder, self.dataset = folder, dataset
        self.device = device
        """The device on which features may be computed; everything else is always computed on the CPU."""
        self.digests: dict[str, str] = {}
        self.code: dict[str, str] = {}

    def __call__(
        self, key: str, compute: Callable[[], Arrays], splits: Mapping[str, Split], code: Sequence[Code]
    ) -> Arrays:
        data = [self.dataset, *(self.digest(*split) for split in splits.items())]
        name = file_name(key, data, [self.digest_of_code(part) for part in code], self.device)
        return kept(self.folder / name, compute)

    def digest(self, name: str, split: Split) -> str:
        """Return the digest of the images and annotations that the preset's limit and the seed select from a split; the
        digest is computed once."""
        if name not in self.digests:
            self.digests[name] = digest_of(columns(split))
        return self.digests[name]

    def digest_of_code(self, part: Code) -> str:
        """Return the digest of the code of the package that `part` represents; the digest is computed once."""
        package = part.__module__.partition(".")[0]
        if package not in self.code:
            self.code[package] = code_digest(part)
        return self.code[package]


def file_name(key: str, data: Sequence[str], code: Sequence[str], device: str) -> str:
    """Return a file name that changes with the data, the code, the versions of libraries, and the machine, since
    machines round differently."""
    about = {
        "key": key,
        "data": list(data),
        "code": list(code),
        "versions": [package_version(name) for name in ("vaebench", "scipy", *PACKAGES)],
        "threads": torch.get_num_threads(),
        "machine": [device_name(name) for name in dict.fromkeys(["cpu", device])],
    }
    return f"{slug(key)[:60]}-{hashlib.sha256(canonical(about).encode()).hexdigest()[:16]}.npz"


def kept(path: Path, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays in a file. If the file is missing or damaged, compute and store them. If several processes need
    the same arrays, one computes them and the others wait."""
    if (found := stored(path)) is not None:
        return found
    with alone(path):
        if (found := stored(path)) is None:
            found = compute()
            with suppress(OSError):  # on a full disk, the next trial computes them again
                write_atomically(path, packed(found))
    return found


def stored(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # whatever is wrong with the file, its content can be recomputed
        return None


def packed(arrays: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the file's lock; in a read-only folder, continue without one."""
    lock = FileLock(f"{path}.lock")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
