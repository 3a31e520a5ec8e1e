"""Trained weights as safetensors; a model gets them back only where they are those that its record names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load, save

from vaebench.interfaces import Model
from vaebench.records import store

HEADER = 2**14
"""Bytes of a file's header for each tensor, and beside them; as a rule a hundred."""


def packed(model: Model) -> tuple[bytes, str]:
    """A model's weights, and their digest."""
    # Cloned, because one tensor may stand in a model under two names.
    content = save({name: value.clone().contiguous() for name, value in model.state_dict().items()})
    return content, hashlib.sha256(content).hexdigest()


def most_bytes(model: Model) -> int:
    """How large a file of the model's weights can be: their values, and the names and shapes in its header."""
    values = model.state_dict().values()
    return sum(value.nbytes + HEADER for value in values) + HEADER


def beside(record: Path, most: int) -> bytes | None:
    """The weights stored beside a record; None where there are none that can be read, or more than `most` bytes."""
    try:
        return store.read_bounded(store.weights_of(record), most, "file of these weights", links=True)
    except OSError:
        return None


def restore(model: Model, content: bytes | None, digest: str | None) -> bool:
    """Give a model stored weights; false where they are not those of that digest (any more), so train again."""
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        return False
    model.load_state_dict(load(content))
    model.eval()
    return True
