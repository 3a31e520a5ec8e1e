"""Trained weights as safetensors; a model gets them back only where they are those that its record names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load, save

from vaebench.interfaces import Model
from vaebench.records import store


def packed(model: Model) -> tuple[bytes, str]:
    """A model's weights, and their digest."""
    # Cloned, because one tensor may stand in a model under two names.
    content = save({name: value.clone().contiguous() for name, value in model.state_dict().items()})
    return content, hashlib.sha256(content).hexdigest()


def beside(record: Path) -> bytes | None:
    """The weights stored beside a record; None where there are none that can be read."""
    try:
        return store.weights_of(record).read_bytes()
    except OSError:
        return None


def restore(model: Model, content: bytes | None, digest: str | None) -> bool:
    """Give a model stored weights; false where they are not those of that digest (any more), so train again."""
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        return False
    model.load_state_dict(load(content))
    model.eval()
    return True
