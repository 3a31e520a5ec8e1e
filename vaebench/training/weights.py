"""Trained weights beside a record, as safetensors; a model gets them back only where they are the record's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load, save

from vaebench.interfaces import Model
from vaebench.records import store
from vaebench.records.record import Record


def keep(model: Model, path: Path) -> str:
    """Write a model's weights beside a record; their digest."""
    # Cloned, because one tensor may stand in a model under two names.
    content = save({name: value.clone().contiguous() for name, value in model.state_dict().items()})
    store.write_atomically(store.weights_of(path), content)
    return hashlib.sha256(content).hexdigest()


def restore(model: Model, path: Path, record: Record) -> bool:
    """Give a model the weights stored beside a record; false where they are not those any more, so train again."""
    try:
        content = store.weights_of(path).read_bytes()
    except OSError:
        return False
    if hashlib.sha256(content).hexdigest() != record.weights:
        return False
    model.load_state_dict(load(content))
    model.eval()
    return True
