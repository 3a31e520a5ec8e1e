"""Repeats a trial, from the weights next to its record or from scratch, and compares the numbers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning.plan import Plan, Request, repeat_plan
from vaebench.planning.suite import Suite
from vaebench.records import provenance, store
from vaebench.records.record import Cell, Record
from vaebench.running import sweep
from vaebench.training.build import build, versions_of
from vaebench.verification.declared import shape_of
from vaebench.verification.fresh import with_new_patients

TOLERANCE = 0.05
"""The tolerance as a share of a number's image-level error. Differences this small may come from another processor or
library, and cannot affect a conclusion."""
WITHOUT_ERROR = 1e-4
"""The tolerance for a number without an error, as a share of the number itself."""


class Unanswered(Exception):
    """Raised with the reason why a record cannot be re-measured here."""


class Contradicted(Exception):
    """Raised with the reason why the weights next to a record cannot belong to it."""


class Again:
    """Repeats trials in temporary folders.

    Data are prepared in `cache`, which should be empty at first, since an old cache may be damaged."""

    def __init__(self, data: Path, cache: Path) -> None:
        self.data, self.cache = data, cache

    def measured(self, path: Path, record: Record, suite: Suite, population: int | None = None) -> Record:
        """Return a new record, measured from the weights with the settings of the suite.

        If a `population` is given, the test patients of a phantom are drawn from it."""
        _same_device(record)
        with self._plan(record, suite, "cpu" if record.device.kind == "cpu" else "cuda:0") as plan:
            _same_shapes(path, record, suite)
            (trial,) = plan.trials
            target = plan.path_of(trial)
            store.write(target, record)
            store.artifacts_of(target).mkdir()
            shutil.copyfile(store.weights_of(path), store.weights_of(target))
            plan = replace(plan, trained={trial.id: record})
            return _done(plan if population is None else with_new_patients(plan, population))

    def trained(self, record: Record, suite: Suite) -> Record:
        """Return the record of the retrained trial, on a GPU if the record is from a GPU and this machine has one."""
        there = record.device.kind != "cpu" and torch.cuda.is_available()
        with self._plan(record, suite, "cuda:0" if there else "cpu") as plan:
            return _done(plan)

    @contextmanager
    def _plan(self, record: Record, suite: Suite, device: str) -> Iterator[Plan]:
        """Yield the plan of one trial, with the images that the record names."""
        try:
            _same_versions(record, suite)
            with TemporaryDirectory() as scratch:
                request = Request(Path(scratch), self.data, (device,), cache=self.cache)
                plan = sweep.make_ready(repeat_plan(record, suite, request))
                if plan.left_out or not plan.trials:
                    raise Unanswered("; ".join(plan.left_out.values()) or "the images have no health labels")
                if plan.ready[str(record.trial.dataset)].digest != record.inputs.data:
                    raise Unanswered("the images on this machine are not those of the record (the data digests differ)")
                yield plan
        except UserError as error:
            raise Unanswered(str(error)) from error


class Comparison(NamedTuple):
    """The agreement between a record and the record of the repeated trial."""

    told: list[str]
    """descriptions of the disagreements"""
    exact: list[str]
    """the metrics with identical numbers"""
    close: list[str]
    """the metrics that agree within the tolerance"""


def compare(record: Record, again: Record) -> Comparison:
    """Compare every metric that has a value in both records and the same version."""
    found = Comparison([], [], [])
    for name, cell in record.metrics.items():
        other = again.metrics.get(name)
        if cell.value is None or other is None or other.value is None or other.version != cell.version:
            continue
        if _values(cell) == _values(other):
            found.exact.append(name)
        elif _agree(cell, other):
            found.close.append(name)
        elif cell.value == other.value:
            found.told.append(f"metric {name!r}: its error or replicates differ from those that the weights give")
        else:
            found.told.append(f"metric {name!r} is {cell.value:.6g}, but the weights give {other.value:.6g}")
    return found


def _values(cell: Cell) -> tuple[Any, ...]:
    return cell.value, cell.error, cell.n, cell.variant, cell.replicates


def _agree(cell: Cell, other: Cell) -> bool:
    if (cell.n, cell.variant) != (other.n, other.variant) or cell.value is None or other.value is None:
        return False
    room = TOLERANCE * other.error if other.error else WITHOUT_ERROR * abs(other.value)
    if abs(cell.value - other.value) > room or abs((cell.error or 0) - (other.error or 0)) > room:
        return False
    mine, theirs = (np.array(one.replicates, float) for one in (cell, other))
    if mine.shape != theirs.shape or not np.array_equal(np.isnan(mine), np.isnan(theirs)):
        return False
    return not mine.size or bool(np.sqrt(np.nanmean(np.square(mine - theirs))) <= room)


def _same_device(record: Record) -> None:
    kind = record.device.kind
    if kind != "cpu" and not torch.cuda.is_available():
        raise Unanswered(f"this machine has no {kind}")
    if (here := provenance.device_class("cpu" if kind == "cpu" else "cuda:0")) != kind:
        raise Unanswered(f"the record was made on {kind}, but this machine has {here}")


def _same_versions(record: Record, suite: Suite) -> None:
    made = record.inputs.components
    now = versions_of(record.trial, record.settings, registry().at(suite.home))
    here = {name: version for name, version in now.items() if not name.startswith("metric ")}
    other = [f"{name} {made.get(name)} (here {version})" for name, version in here.items() if made.get(name) != version]
    if other:
        raise Unanswered(f"the record was made with other versions: {', '.join(other)}")


def _same_shapes(path: Path, record: Record, suite: Suite) -> None:
    """Check the shapes of the weights without allocating them: untrusted parameters may ask for too much memory."""
    try:
        with torch.device("meta"):
            model = build(record.trial, record.settings, shape_of(record), registry().at(suite.home))
        with safe_open(store.weights_of(path), framework="pt") as stored:
            shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise Contradicted(f"the weights cannot be read ({error})") from error
    except Exception as error:
        raise Unanswered(f"the model cannot be built here ({type(error).__name__}: {error})") from error
    if shapes != {name: tuple(value.shape) for name, value in model.state_dict().items()}:
        raise Contradicted("the weights do not fit the model")


def _done(plan: Plan) -> Record:
    """Run the single trial of a plan and return its record."""
    ends = [event.data["record"] for event in sweep.run(plan, 1) if event.kind == "end"]
    if not ends or ends[0].error:
        raise Unanswered(ends[0].error.message if ends else "it was interrupted")
    again: Record = ends[0]
    return again
