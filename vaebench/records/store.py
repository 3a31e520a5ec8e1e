"""Where records lie, and how they are read and written: a kill never leaves half of one."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vaebench.records.record import BadRecord, Record, decode, dumps, from_json, to_json
from vaebench.trial import Trial, slug

REFERENCE = "reference"
"""The folder in a results folder that holds published results of others. It is read only where it is named, so that a
run trains what it was asked for. No suite can take its place: a suite's folder has an @ in its name."""

WEIGHTS = "weights.safetensors"
FILE_NAME = re.compile(r".+-[0-9a-f]{12}\.json")
"""Boards, and what lies beside a record, have other names."""


def folder_of(results: Path, trial: Trial) -> Path:
    """The track's folder, where its leaderboard lies."""
    return results / slug(trial.suite) / slug(trial.preset) / slug(trial.source)


def where_reference_is(results: Path) -> str:
    """A sentence to add where a folder has no records of its own; empty if it has no reference results either."""
    reference = results / REFERENCE
    return f" Reference results are in {reference}." if reference.is_dir() else ""


def path_of(results: Path, trial: Trial, device_class: str) -> Path:
    return (
        folder_of(results, trial)
        / device_class
        / slug(trial.dataset.name)
        / f"{slug(trial.model.name)}-{trial.id}.json"
    )


def artifacts_of(record: Path) -> Path:
    """The folder beside a record with its pictures and weights."""
    return record.with_suffix("")


def weights_of(record: Path) -> Path:
    return artifacts_of(record) / WEIGHTS


def digest_of(record: Path) -> str:
    """The SHA-256 of a record's file; empty where there is none that can be read."""
    try:
        return hashlib.sha256(record.read_bytes()).hexdigest()
    except OSError:
        return ""


def write(path: Path, record: Record) -> None:
    """All or nothing: a temporary name, synced, then renamed."""
    data = to_json(record)
    from_json(data)
    write_atomically(path, dumps(data).encode())


def write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def clear_debris(path: Path) -> None:
    """Remove what a killed writer of this record and its artifacts left half written."""
    for debris in (*path.parent.glob(f".{path.name}.*.tmp"), *artifacts_of(path).glob(".*.tmp")):
        debris.unlink(missing_ok=True)


def read(path: Path) -> Record:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise BadRecord(f"{path} cannot be read as a record ({error}); delete it to run that trial again") from error
    except BadRecord as error:
        raise BadRecord(f"{path} is not a valid record: {error}; delete it to run that trial again") from error


def scan(track: Path, *others: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    """Yield every record of a track's folder in the order of their paths; what cannot be read comes as the error.

    Folders of the same track elsewhere add their records. Where several folders have a good record in the same place,
    the first folder's is used, as if its files had been copied over the others'."""
    if not others:
        yield from _scan(track)
        return
    taken = set()
    for folder in (track, *others):
        for path, record in _scan(folder):
            place = path.relative_to(folder)
            if place not in taken:
                yield path, record
            if isinstance(record, Record):
                taken.add(place)


def _scan(track: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    for path in sorted(track.glob("*/*/*.json")):
        if not path.name.startswith("."):
            try:
                record = read(path)
            except BadRecord as error:
                yield path, error
                continue
            if path.stem.endswith(f"-{record.id}"):
                yield path, record
            else:  # a copy under another name would count one trial twice
                yield path, BadRecord(f"{path} holds the record of trial {record.id}; rename or delete it")
