"""The record a trial leaves behind: its schema, its place, and writing it so that a kill cannot halve it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaebench.trial import Trial, slug

SCHEMA = "vaebench/record@1"
STATUSES = ("ok", "failed", "timeout")
KINDS = ("oom", "nan", "signal", "exception", "timeout")
REFERENCE = "reference"
"""The folder in a results folder that holds published results of others. It is read only where it is named, so that a
run trains what it was asked for. No suite can take its place: a suite's folder has an @ in its name."""

WEIGHTS = "weights.safetensors"
FILE_NAME = re.compile(r".+-[0-9a-f]{12}\.json")
"""Boards, and what lies beside a record, have other names."""

Record = dict[str, Any]


class BadRecord(Exception):
    """A file that is no record; the text says why and what to do."""


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
    check(record)
    write_atomically(path, dumps(record).encode())


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


def dumps(record: Record) -> str:
    """One line per field and per metric: short to diff, same bytes for the same record."""

    def line(value: Any) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)

    def block(value: Mapping[str, Any]) -> str:
        return "{\n" + ",\n".join(f"  {line(k)}: {line(v)}" for k, v in sorted(value.items())) + "\n }"

    fields = (f" {line(k)}: {block(v) if k == 'metrics' and v else line(v)}" for k, v in record.items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def read(path: Path) -> Record:
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise BadRecord(f"{path} cannot be read as a record ({error}); delete it to run that trial again") from error
    try:
        check(record)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{path} is not a valid record: {error}; delete it to run that trial again") from error
    return record


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


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
            if isinstance(record, dict):
                taken.add(place)


def _scan(track: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    for path in sorted(track.glob("*/*/*.json")):
        if not path.name.startswith("."):
            try:
                record = read(path)
            except BadRecord as error:
                yield path, error
                continue
            if path.stem.endswith(f"-{record['id']}"):
                yield path, record
            else:  # a copy under another name would count one trial twice
                yield path, BadRecord(f"{path} holds the record of trial {record['id']}; rename or delete it")


def check(record: Any) -> None:
    """Raise ValueError naming the field that is wrong."""
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    if record.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {record.get('schema')!r}, this vaebench reads {SCHEMA!r}")
    for field, kind in FIELDS.items():
        _demand(record, field, kind)
    if record["trial"].get("loss") is not None:
        _demand(record, "trial.loss.name", str)
    if record["status"] not in STATUSES:
        raise ValueError(f"status is {record['status']!r}, not one of {', '.join(STATUSES)}")
    if record["status"] != "ok":
        _demand(record, "error.message", str)
        if record["error"].get("kind") not in KINDS:
            raise ValueError(f"a record that is not ok needs error.kind, one of {', '.join(KINDS)}")
    try:
        trial = Trial.from_json(record["trial"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"field 'trial' is not a trial ({error})") from error
    if trial.id != record["id"]:
        raise ValueError(f"its id {record['id']} does not belong to its trial ({trial.id})")
    for name, cell in record["metrics"].items():
        for field, kind in CELL.items():
            _demand(cell, field, kind, f"metric {name!r}: ")
        value = cell.get("value")
        if value is None and cell.get("reason"):
            continue
        if not _is_finite(value):
            raise ValueError(f"metric {name!r} has neither a finite value nor a reason")
        parts = cell.get("parts", {})
        if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
            raise ValueError(f"metric {name!r}: field 'parts' is not numbers by name")
        for part in parts.values():
            if not _is_finite(part.get("value")) or not (part.get("error") is None or _is_finite(part["error"])):
                raise ValueError(f"metric {name!r} has a part without a finite value")


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _demand(data: Any, field: str, kind: type, where: str = "") -> None:
    """Raise ValueError unless the field, `a.b` for one within another, is there and of its type."""
    value = data
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where}field {field!r} is missing or of the wrong type")


FIELDS: dict[str, type] = {
    "id": str,
    "trial": dict,
    "trial.suite": str,
    "trial.preset": str,
    "trial.source": str,
    "trial.regime": str,
    "trial.seed": int,
    "trial.dataset.name": str,
    "trial.dataset.params": dict,
    "trial.model.name": str,
    "trial.model.params": dict,
    "settings": dict,
    "status": str,
    "metrics": dict,
    "cost": dict,
    "curve": dict,
    "inputs.data": str,
    "inputs.components": dict,
    "device.class": str,
    "software": dict,
    "started": str,
}
CELL: dict[str, type] = {"title": str, "verdict": str, "better": str, "unit": str, "regime": str, "version": int}
