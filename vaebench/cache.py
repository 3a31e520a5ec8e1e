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
from numpy.typing import ArrayLike

from vaebench.data import code_digest
from vaebench.provenance import PACKAGES, device_name, package_version
from vaebench.records import slug, write_atomically
from vaebench.trial import canonical

Arrays = dict[str, np.ndarray]
Code = type | Callable[..., Any]
"""Stands for all of the package that it comes from."""


def file_name(key: str, data: Sequence[str], code: Sequence[Code]) -> str:
    """Another one for other data, edited code, other versions of libraries, and machines that round otherwise."""
    about = {
        "key": key,
        "data": list(data),
        "code": [code_digest(part) for part in code],
        "versions": [package_version(name) for name in ("vaebench", "scipy", *PACKAGES)],
        "threads": torch.get_num_threads(),
        "machine": [device_name(name) for name in ("cpu", "cuda") if name == "cpu" or torch.cuda.is_available()],
    }
    return f"{slug(key)[:60]}-{hashlib.sha256(canonical(about).encode()).hexdigest()[:16]}.npz"


def plain(values: Mapping[str, ArrayLike]) -> Arrays:
    """As they come back from the disk: in one piece, since libraries sum in the order in which numbers lie."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    if odd := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise TypeError(f"{', '.join(odd)}: only arrays of numbers or texts are kept")
    return {name: array if array.flags.forc else array.copy("C") for name, array in arrays.items()}


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
    """Nobody else is at this file meanwhile, unless the folder takes no files: then everybody works for himself."""
    lock = FileLock(f"{path}.lock")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
