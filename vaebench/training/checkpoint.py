"""Checkpoints of long training runs, stored with their records; resumed runs give bit-identical results."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaebench.records import store
from vaebench.records.record import Record, to_json

if TYPE_CHECKING:
    from vaebench.training.history import History
    from vaebench.training.loop import Course

KNOWN = ("id", "settings", "inputs", "device", "software")
"""The fields of a record that identify a training run; a checkpoint with different values cannot be used."""
COMMIT = ("commit", "dirty")
"""Fields of a record's `software` that are ignored when a checkpoint is compared with it: components have their own
versions, and a commit during a long sweep should not invalidate its checkpoints."""


LARGEST = 2**34
"""The largest size of a checkpoint in bytes; the suites' largest model needs about a hundredth of this."""
EVERY = 60.0
"""The default number of seconds of training between checkpoints."""


class Spoiled(Exception):
    """Raised if a checkpoint cannot be used; the text gives the reason."""


def path_of(record: Path) -> Path:
    return store.artifacts_of(record) / store.CHECKPOINT


def save(path: Path, record: Record, state: Mapping[str, Any]) -> None:
    """Save a checkpoint completely or not at all; the previous one is kept until the new one is complete."""
    import torch

    buffer = io.BytesIO()
    torch.save({"of": _subject(record), "state": state}, buffer)
    content = buffer.getvalue()
    store.write_atomically(path, hashlib.sha256(content).digest() + content)


def load(path: Path, record: Record) -> dict[str, Any] | None:
    """Return the state to resume from; None if there is no checkpoint. Raise Spoiled if the checkpoint cannot be
    used for this training run."""
    import torch

    if not path.exists():
        return None
    try:
        with store.open_bounded(path, LARGEST, "checkpoint", links=True) as file:
            told = file.read(32)
            if hashlib.file_digest(file, "sha256").digest() != told:  # before the content is loaded
                raise Spoiled("the checksum is wrong")
            file.seek(32)
            content = file.read(LARGEST)
    except OSError as error:
        raise Spoiled(f"the file cannot be read ({error.strerror or error})") from error
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise Spoiled(f"{type(error).__name__} was raised while reading the file") from error
    match found:
        case {"of": dict(of), "state": dict(state)}:
            pass
        case _:
            raise Spoiled("the file does not contain a checkpoint")
    if changed := [name for name, value in _subject(record).items() if of.get(name) != value]:
        raise Spoiled(f"the file does not match the {' and '.join(changed)} of this trial")
    return state


def remove(path: Path) -> None:
    """Remove a checkpoint, or a folder in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def resume(course: Course, history: History, state: Mapping[str, Any]) -> None:
    """Resume from a state. Raise Spoiled if the state does not fit; in this case, the model may already have been
    changed."""
    try:
        course.resume(state["course"])
        history.resume(state["history"])
        _check(course, history)
    except Exception as error:  # the content may be anything
        raise Spoiled(f"the content does not fit this trial ({type(error).__name__})") from error


def _check(course: Course, history: History) -> None:
    """Raise an error for faults that would only show later: a step outside the training run, or optimisers of another
    model."""
    stages = len(course.model.stages)
    if not 0 <= course.stage <= stages or (course.stage < stages and not 0 <= course.step <= course.at.steps):
        raise ValueError("the step is outside the training run")
    if not isinstance(history.curve, dict) or not isinstance(history.frames, dict):
        raise TypeError("the history does not consist of mappings")
    for stepper in course.steppers.values():
        for parameter, values in stepper.optimizer.state.items():
            if any(getattr(value, "ndim", 0) == parameter.ndim and value.shape != parameter.shape
                   for value in values.values() if parameter.ndim):  # fmt: skip
                raise ValueError("the state of an optimiser belongs to another model")


def _subject(record: Record) -> dict[str, Any]:
    data = to_json(record)
    subject = {name: data[name] for name in KNOWN}
    return subject | {"software": {k: v for k, v in record.software.items() if k not in COMMIT}}
