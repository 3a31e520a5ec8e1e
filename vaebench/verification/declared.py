"""What the installed packages say about a record: which of its components they have, and what these can be."""

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
"""Of models that were built before: how many of their numbers are parameters, and how many there are."""


def unknown(record: Record, suite: Suite) -> str:
    """The model or loss that no installed package has, or not with these parameters; empty if all are known."""
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
    """The metrics whose numbers lie outside the range that the installed metric declares."""
    from vaebench.judging.ranges import beyond

    own = registry().at(suite.home)
    for name, cell in record.metrics.items():
        try:
            low, high = own.get("metrics", name).component.range
        except UserError:
            continue  # of another package: nobody here can compute it again either
        if fault := beyond(cell, low, high):
            yield f"metric {name!r}: {fault}"


def size_faults(record: Record, suite: Suite, counts: Counts) -> Iterator[str]:
    """Whether its model has as many parameters as it says. Numbers that are learned by a fit count, too; older records
    leave them out."""
    said = record.cost.get("parameters")
    key = canonical([record.trial.model.name, record.inputs.parameters, record.settings.model, record.inputs.shape])
    if said is None:
        return
    if key not in counts:
        counts[key] = _count(record, registry().at(suite.home))
    if (known := counts[key]) and not known[0] <= said <= known[1]:
        yield f"cost.parameters is {said}, and its model has {known[1]}"


def _count(record: Record, components: Registry) -> tuple[int, int] | None:
    """None where that model is not known here, or in another version."""
    import torch

    from vaebench.judging.cost import count
    from vaebench.training.build import build

    model = record.trial.model.name
    try:
        name, version = components.version("models", model)
        if record.inputs.components.get(name) != version:
            return None
        with torch.device("meta"):  # a stranger's parameters may ask for more memory than there is
            made = build(record.trial, record.settings, shape_of(record), components)
        return sum(p.numel() for p in made.parameters()), count(made)
    except Exception:
        return None


def shape_of(record: Record) -> Shape:
    """The shape of its images. ValueError where it tells none that can be."""
    channels, height, width = record.inputs.shape or (0, 0, 0)
    if not (0 < channels <= 4 and height == width == record.settings.size):
        raise ValueError("it does not say of what shape its images were")
    return channels, height, width
