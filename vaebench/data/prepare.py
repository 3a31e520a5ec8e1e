"""Prepare images once: draw phantoms or decode real images, split them by group, check them, and store them as arrays
for memory-mapping."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from vaebench.data.content import digest_of_files
from vaebench.data.leaks import twins_of_test
from vaebench.data.splits import check_splits, validation_mask, without_pixels
from vaebench.interfaces import Dataset, Limit, Split, Splits
from vaebench.trial import Spec, canonical

log = logging.getLogger(__name__)
"""Messages of this logger count as signs of life, since preparation may take hours (`vaebench.running.preparation`)."""
PHANTOM_SEED = 0
"""The seed with which phantoms are drawn, the same for all trials: a trial's own seed changes the weights and the order
of images, but never the patients."""
PIXELS = frozenset({"images", "masks"})
"""The columns of a split that may be larger than memory"""
STAMP = "checked.json"
"""The file that records the state of the array files (size, modification time and inode) when they were last hashed."""
CHUNK = 2**23
"""The number of bytes of an array that are written at once."""


@dataclass(frozen=True)
class Prepared:
    """A prepared dataset: its folder, and facts about it that are known without opening its arrays."""

    folder: Path
    digest: str
    counts: Mapping[str, int]
    notes: tuple[str, ...]
    """The dataset's warnings, for example about images that it left out."""
    health: bool
    """True if the training split has healthy images, and the test split has healthy and diseased images."""
    classes: tuple[str, ...]
    """The names of the classes, in the order of the labels."""
    twins: int = 0
    """The number of real test images with a twin in train or val."""


def ready_folder(
    dataset: Dataset,
    spec: Spec,
    source: str,
    size: int,
    limit: Limit,
    data: Path,
    cache: Path,
    population: int = PHANTOM_SEED,
) -> Path:
    """Return the folder of a prepared dataset, even if it does not exist yet. `population` is the seed of a phantom."""
    local = {key for key in spec.params if key in dataset.local}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # load() will issue the same warnings
        files = digest_of_files(dataset.files(data), cache / "sources") if source == "real" else ""
    key = {
        "dataset": str(Spec(spec.name, {k: v for k, v in spec.params.items() if k not in local})),
        "version": dataset.version,
        "source": source,
        "size": size,
        "limit": dict(limit) if source == "phantom" else {},
        "code": code_digest(type(dataset)),
        "files": files,
        **({"population": population} if population != PHANTOM_SEED else {}),
    }
    return cache / "ready" / f"{dataset.name}-{source}-{size}-{_sha(canonical(key).encode())[:16]}"


def prepare(
    dataset: Dataset,
    spec: Spec,
    source: str,
    size: int,
    limit: Limit,
    data: Path,
    cache: Path,
    population: int = PHANTOM_SEED,
) -> Prepared:
    """Prepare a dataset if its folder is missing or damaged; two runs may call this function at the same time."""
    folder = ready_folder(dataset, spec, source, size, limit, data, cache, population)
    if not intact(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not intact(folder):
                if folder.exists():
                    warnings.warn(
                        f"the prepared data of {dataset.name} are damaged and will be prepared again", stacklevel=2
                    )
                for debris in folder.parent.glob(f".{folder.name}.*"):  # left by a killed run
                    shutil.rmtree(debris)
                with _noting() as notes:
                    if source == "phantom":
                        splits = dataset.phantom(size, limit, population)
                        twins = 0
                    else:
                        splits = dataset.load(data, size, {})
                        twins = twins_of_test(splits)
                mask = validation_mask(splits, dataset.name)
                lay_down(splits, folder, {"notes": notes, "twins": twins}, dataset.classes, mask)
    return about(folder)


@contextmanager
def _noting() -> Iterator[list[str]]:
    """Collect the texts of warnings."""
    notes: list[str] = []

    def hear(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if issubclass(category, UserWarning):
            notes.append(str(message))
            log.info("%s", message)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = hear
        yield notes


def about(folder: Path) -> Prepared:
    known = json.loads((folder / "about.json").read_text())
    told = tuple(known["notes"]), known["health"], tuple(known["classes"]), known["twins"]
    return Prepared(folder, known["digest"], known["counts"], *told)


def intact(folder: Path) -> bool:
    """Return True if a prepared folder still contains what was written. The arrays are hashed once per boot, and
    whenever a file changes."""
    if not (folder / "about.json").exists():
        return False
    try:
        known, splits, stamp = about(folder), open_splits(folder), _stamp(folder)
        if _stamped(folder) == stamp:
            return True
        arrays = ((f"{name}.{column}", value) for name, split in splits.items() for column, value in columns(split))
        if digest_of(arrays) != known.digest:
            return False
    except Exception:  # whatever is wrong with the files, they can be prepared again
        return False
    with suppress(OSError):  # in a read-only folder, the arrays are hashed each time
        (folder / STAMP).write_text(json.dumps(stamp))
    return True


def _stamped(folder: Path) -> Any:
    try:
        return json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return None


def _stamp(folder: Path) -> list[Any]:
    """Return a value that changes with every boot, and whenever the file of an array changes."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    files = [(path.name, path.stat()) for path in sorted(folder.glob("*.npy"))]
    seen = [[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in files]
    return [boot.read_text().strip() if boot.exists() else os.getppid(), *seen]


def lay_down(
    splits: Splits,
    folder: Path,
    told: Mapping[str, Any] | None = None,
    classes: Sequence[str] = (),
    validation: np.ndarray | None = None,
) -> None:
    """Write the arrays of a dataset to a temporary folder, then rename it, so that no process ever sees an incomplete
    folder. `validation` marks the training images that become the validation split; `told` contains the dataset's notes
    and the number of twins.

    Images and masks are written and hashed a few rows at a time, so that they are never copied as a whole."""
    parts: dict[str, tuple[Split, np.ndarray | None]] = {name: (split, None) for name, split in splits.items()}
    if validation is not None:
        held, seen = np.flatnonzero(validation), np.flatnonzero(~validation)
        parts = {"train": (splits.train, seen), "val": (splits.train, held), "test": parts["test"]}
    known = Splits(**{name: without_pixels(*part) for name, part in parts.items()})
    check_splits(known, classes)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    digest = hashlib.sha256()
    try:
        for name, split in known.items():
            for column, value in columns(split):
                path = temporary / f"{name}.{column}.npy"
                if column in PIXELS:
                    whole, rows = parts[name]
                    _write_rows(path, getattr(whole, column), rows, digest)
                else:
                    np.save(path, value, allow_pickle=False)
                    _add(digest, f"{name}.{column}", value)
            if split.files is not None:  # not hashed, since file names do not affect results
                np.save(temporary / f"{name}.files.npy", split.files.astype(np.str_), allow_pickle=False)
        written = {
            "digest": digest.hexdigest(),
            "counts": {name: len(split) for name, split in known.items()},
            "health": _judges_health(known),
            "classes": list(classes),
            "notes": [],
            "twins": 0,
            **(told or {}),
        }
        (temporary / "about.json").write_text(json.dumps(written))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def open_splits(folder: Path) -> Splits:
    """Return the splits in a prepared folder, memory-mapped as copy-on-write, since PyTorch does not accept read-only
    memory."""
    parts: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.npy")):
        split, name, *factor = path.name.removesuffix(".npy").split(".", 2)
        array = np.load(path, mmap_mode="c", allow_pickle=False)
        columns = parts.setdefault(split, {"factors": {}})
        if factor:
            columns["factors"][factor[0]] = array
        else:
            columns[name] = array
    return Splits(**{name: Split(**columns) for name, columns in parts.items()})


def code_digest(component: type | Callable[..., Any]) -> str:
    """Return a digest of the Python files of a component's package, so that edited code never uses arrays that older
    code wrote."""
    module, top = (sys.modules.get(name) for name in (component.__module__, component.__module__.partition(".")[0]))
    file = getattr(top, "__file__", None) or getattr(module, "__file__", None)
    if not file:
        return ""
    root = Path(file)
    sources = sorted(root.parent.rglob("*.py")) if root.name == "__init__.py" else [root]
    return _sha(b"".join(source.read_bytes() for source in [*sources, Path(__file__)]))


def digest_of(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """Return a digest of named arrays: names, types, shapes and content."""
    digest = hashlib.sha256()
    for name, array in arrays:
        _add(digest, name, array)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, array: np.ndarray) -> None:
    digest.update(f"{name} {array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data if array.size else b"")


def _write_rows(path: Path, array: np.ndarray, rows: np.ndarray | None, digest: hashlib._Hash) -> None:
    """Save some rows of an array, or all of them, as `np.save` would, and add them to the digest as `_add` would."""
    shape = (len(array) if rows is None else len(rows), *array.shape[1:])
    digest.update(f"{path.stem} {array.dtype} {shape}".encode())
    step = max(1, CHUNK // max(1, array[:1].nbytes))
    log.info("writing %s", path.stem)
    with path.open("wb") as file:
        descr = np.lib.format.dtype_to_descr(array.dtype)
        np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
        for start in range(0, shape[0], step):
            some = slice(start, start + step) if rows is None else rows[start : start + step]
            content = np.ascontiguousarray(array[some]).tobytes()
            file.write(content)
            digest.update(content)


def columns(split: Split) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the columns that affect results, with their names: all columns except the file names and the choice of
    images that are kept out of training."""
    for column in fields(split):
        value = getattr(split, column.name)
        if column.name == "groups":
            value = value.astype(np.str_) if value.dtype == object else value
        if isinstance(value, np.ndarray) and column.name not in ("kept_out", "files"):
            yield column.name, value
    for factor, value in sorted(split.factors.items()):
        yield f"factors.{factor}", value


def _judges_health(splits: Splits) -> bool:
    train, test = splits.train.healthy, splits.test
    if train is None or test.healthy is None or test.diseased is None:
        return False
    return bool(train.any() and test.healthy.any() and test.diseased.any())


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
