"""A checkpoint: where a long training stands, beside its record, so that after a kill it goes on to the same bits."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaebench.records import store
from vaebench.records.record import Record, to_json

KNOWN = ("id", "settings", "inputs", "device", "software")
"""The fields of a record that say what a training is of; a checkpoint of anything else is of no use."""
COMMIT = ("commit", "dirty")
"""But not these of the software: components have versions, and a commit beside a long sweep should not cost it."""


EVERY = 60.0
"""Seconds of training between checkpoints, unless the user says otherwise."""


class Spoiled(Exception):
    """A checkpoint that cannot be used; the text says why."""


def path_of(record: Path) -> Path:
    return store.artifacts_of(record) / "checkpoint"


def save(path: Path, record: Record, state: Mapping[str, Any]) -> None:
    """All or nothing; the one before is there until this one is whole."""
    import torch

    buffer = io.BytesIO()
    torch.save({"of": _subject(record), "state": state}, buffer)
    content = buffer.getvalue()
    store.write_atomically(path, hashlib.sha256(content).digest() + content)


def load(path: Path, record: Record) -> dict[str, Any] | None:
    """The state to go on from; None where there is none for just this training."""
    import torch

    if not path.exists():
        return None
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise Spoiled("its checksum is wrong")
    try:
        found = torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise Spoiled(f"{type(error).__name__} while reading it") from error
    if changed := [name for name, value in _subject(record).items() if found["of"][name] != value]:
        raise Spoiled(f"its {' and '.join(changed)} are not today's")
    state: dict[str, Any] = found["state"]
    return state


def _subject(record: Record) -> dict[str, Any]:
    data = to_json(record)
    subject = {name: data[name] for name in KNOWN}
    return subject | {"software": {k: v for k, v in record.software.items() if k not in COMMIT}}
