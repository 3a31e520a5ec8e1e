"""Checks a record against the installed packages: known components, ranges of metrics and sizes of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vaebench.components.registry import Registry, registry
from vaebench.errors import UserError
from vaebench.planning.suite import Suite
from vaebench.records.record import Record
from vaebench.trial import canonical

if TYPE_CHECKING:
    from vaebench.interfaces import Shape

Counts = dict[str, tuple[int, int] | None]
"""For each model built so far, its number of parameters and the number of all values that it learns."""


def unknown(record: Record, suite: Suite) -> str:
    """Return why the model, loss or dataset of a record is not known here, or an empty text if all are known."""
    own = registry().at(suite.home)
    for kind, spec in (
        ("models", record.trial.model),
        ("losses", record.trial.loss),
        ("datasets", record.trial.dataset),
    ):
        try:
            if spec:
                own.spec(kind, str(spec))
        except UserError as error:
            return str(error)
    return ""


def range_faults(record: Record, suite: Suite) -> Iterator[str]:
    """Yield the metrics whose numbers lie outside the range declared by the installed metric."""
    from vaebench.judging.ranges import beyond

    own = registry().at(suite.home)
    for name, cell in record.metrics.items():
        try:
            low, high = own.get("metrics", name).component.range
        except UserError:
            continue  # the metric's package is not installed, so the metric cannot be recomputed either
        if fault := beyond(cell, low, high):
            yield f"metric {name!r}: {fault}"


def size_faults(record: Record, suite: Suite, counts: Counts) -> Iterator[str]:
    """Yield a fault if the model does not have the number of parameters that the record gives.

    Values that a model learns from a fit instead of training also count, but older records leave them out."""
    said = record.cost.get("parameters")
    key = canonical([record.trial.model.name, record.inputs.parameters, record.settings.model, record.inputs.shape])
    if said is None:
        return
    if key not in counts:
        counts[key] = _count(record, registry().at(suite.home))
    if (known := counts[key]) and not known[0] <= said <= known[1]:
        yield f"cost.parameters is {said}, but its model has {known[1]}"


def _count(record: Record, components: Registry) -> tuple[int, int] | None:
    """Count the parameters of a record's model; None if the model is unknown here or has another version."""
    import torch

    from vaebench.judging.cost import count
    from vaebench.training.build import build

    model = record.trial.model.name
    try:
        name, version = components.version("models", model)
        if record.inputs.components.get(name) != version:
            return None
        with torch.device("meta"):  # untrusted parameters may ask for more memory than the machine has
            made = build(record.trial, record.settings, shape_of(record), components)
        return sum(p.numel() for p in made.parameters()), count(made)
    except Exception:
        return None


def shape_of(record: Record) -> Shape:
    """Return the shape of the record's images; raise ValueError if the record gives no valid shape."""
    channels, height, width = record.inputs.shape or (0, 0, 0)
    if not (0 < channels <= 4 and height == width == record.settings.size):
        raise ValueError("the record gives no valid shape for its images")
    return channels, height, width
