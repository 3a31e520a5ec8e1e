"""Stores trained weights as safetensors, and loads them only if their digest is the one in the record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load, save

from vaebench.interfaces import Model
from vaebench.records import store

HEADER = 2**14
"""The number of bytes that the header of a weights file may use for each tensor, and again for everything else. A
header usually has about a hundred bytes per tensor."""


def packed(model: Model) -> tuple[bytes, str]:
    """Return a model's weights, and their digest."""
    # Cloned, because a model may have one tensor under two names.
    content = save({name: value.clone().contiguous() for name, value in model.state_dict().items()})
    return content, hashlib.sha256(content).hexdigest()


def most_bytes(model: Model) -> int:
    """Return the largest possible size of a file of the model's weights: their values, and the names and shapes in its
    header."""
    values = model.state_dict().values()
    return sum(value.nbytes + HEADER for value in values) + HEADER


def beside(record: Path, most: int) -> bytes | None:
    """Return the weights that are stored with a record; None if they cannot be read or have more than `most` bytes."""
    try:
        return store.read_bounded(store.weights_of(record), most, "file of these weights", links=True)
    except OSError:
        return None


def restore(model: Model, content: bytes | None, digest: str | None) -> bool:
    """Load stored weights into a model; return False if the digest does not match, so that the model must be
    trained again."""
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        return False
    model.load_state_dict(load(content))
    model.eval()
    return True
