"""What depends on a dataset alone, kept on disk: one trial computes it, all others on the same images read it."""

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
    """A folder of arrays that depend on one dataset; `vaebench.evidence` asks it to keep them."""

    def __init__(self, folder: Path, dataset: str, device: str = "cpu") -> None:
        self.folder, self.dataset = folder, dataset
        self.device = device
        """Where features may be computed; the rest is always computed on the CPU."""
        self.digests: dict[str, str] = {}
        self.code: dict[str, str] = {}

    def __call__(
        self, key: str, compute: Callable[[], Arrays], splits: Mapping[str, Split], code: Sequence[Code]
    ) -> Arrays:
        data = [self.dataset, *(self.digest(*split) for split in splits.items())]
        name = file_name(key, data, [self.digest_of_code(part) for part in code], self.device)
        return kept(self.folder / name, compute)

    def digest(self, name: str, split: Split) -> str:
        """The digest of all that is known of a split's images, after the preset's limit and the seed; found once."""
        if name not in self.digests:
            self.digests[name] = digest_of(columns(split))
        return self.digests[name]

    def digest_of_code(self, part: Code) -> str:
        """The digest of the code of a part's package; found once."""
        package = part.__module__.partition(".")[0]
        if package not in self.code:
            self.code[package] = code_digest(part)
        return self.code[package]


def file_name(key: str, data: Sequence[str], code: Sequence[str], device: str) -> str:
    """Another one for other data, edited code, other versions of libraries, and machines that round otherwise."""
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
    """What the file holds; if there is none, or it is spoilt, what `compute` gives, which it then holds. Of several
    processes that want the same, one computes and the others wait."""
    if (found := stored(path)) is not None:
        return found
    with alone(path):
        if (found := stored(path)) is None:
            found = compute()
            with suppress(OSError):  # a full disk costs the next trial time, and this one nothing
                write_atomically(path, packed(found))
    return found


def stored(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # whatever is wrong with the file, what it should hold can be computed
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
