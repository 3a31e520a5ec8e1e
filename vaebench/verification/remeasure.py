"""Metrics of a record answered again from the weights beside it, and whether they agree."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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

TOLERANCE = 0.05
"""Of a number's image-level error: what another processor or library may change, and no conclusion hangs on."""
WITHOUT_ERROR = 1e-4
"""Of the number itself, where it has no error."""


class Unanswered(Exception):
    """Why nothing can be measured again here."""


class Contradicted(Exception):
    """How the weights beside a record show that they cannot be its own."""


def remeasure(path: Path, record: Record, suite: Suite, data: Path, cache: Path) -> Record:
    """The record that its weights give now, with the settings of the suite. What is written goes to a temporary folder;
    data are prepared in `cache`, which a verifier fills anew: an old cache may be damaged."""
    kind = record.device.kind
    device = "cpu" if kind == "cpu" else "cuda:0"
    if device != "cpu" and not torch.cuda.is_available():
        raise Unanswered(f"there is no {kind} here")
    if provenance.device_class(device) != kind:
        raise Unanswered(f"it was made on {kind}, and here is {provenance.device_class(device)}")
    try:
        _same_versions(record, suite)
        _same_shapes(path, record, suite)
        with TemporaryDirectory() as scratch:
            plan = repeat_plan(record, suite, Request(Path(scratch), data, (device,), cache=cache))
            return _answer(sweep.make_ready(plan), path, record)
    except UserError as error:
        raise Unanswered(str(error)) from error


def disagreements(record: Record, again: Record) -> tuple[list[str], int, int]:
    """What does not agree; how many numbers do to the last digit; and how many within the tolerance."""
    told, exact, close = [], 0, 0
    for name, cell in record.metrics.items():
        other = again.metrics.get(name)
        if cell.value is None or other is None or other.value is None or other.version != cell.version:
            continue
        if _values(cell) == _values(other):
            exact += 1
        elif _agree(cell, other):
            close += 1
        else:
            told.append(f"metric {name!r} is {cell.value:.6g}, and its weights give {other.value:.6g}")
            if cell.value == other.value:
                told[-1] = f"metric {name!r}: its error or replicates are not those that its weights give"
    return told, exact, close


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


def _same_versions(record: Record, suite: Suite) -> None:
    made = record.inputs.components
    now = versions_of(record.trial, record.settings, registry().at(suite.home))
    here = {name: version for name, version in now.items() if not name.startswith("metric ")}
    other = [f"{name} {made.get(name)} (here {version})" for name, version in here.items() if made.get(name) != version]
    if other:
        raise Unanswered(f"it was made with other versions: {', '.join(other)}")


def _same_shapes(path: Path, record: Record, suite: Suite) -> None:
    """Before anything is built: a stranger's parameters may ask for more memory than there is."""
    channels, height, width = record.inputs.shape or (0, 0, 0)
    if not (0 < channels <= 4 and height == width == record.settings.size):
        raise Unanswered("it does not say of what shape its images were")
    try:
        with torch.device("meta"):
            model = build(record.trial, record.settings, (channels, height, width), registry().at(suite.home))
        with safe_open(store.weights_of(path), framework="pt") as stored:
            shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise Contradicted(f"its weights cannot be read ({error})") from error
    except Exception as error:
        raise Unanswered(f"its model cannot be built here ({type(error).__name__}: {error})") from error
    if shapes != {name: tuple(value.shape) for name, value in model.state_dict().items()}:
        raise Contradicted("its weights are not of its model")


def _answer(plan: Plan, path: Path, record: Record) -> Record:
    (trial,) = plan.trials
    if plan.left_out:
        raise Unanswered("; ".join(plan.left_out.values()))
    if plan.ready[str(trial.dataset)].digest != record.inputs.data:
        raise Unanswered("the images here are others than its (another data digest)")
    target = plan.path_of(trial)
    store.write(target, record)
    store.artifacts_of(target).mkdir()
    shutil.copyfile(store.weights_of(path), store.weights_of(target))
    plan = replace(plan, trained={trial.id: record})
    ends = [event.data["record"] for event in sweep.run(plan, 1) if event.kind == "end"]
    if not ends or ends[0].error:
        raise Unanswered(ends[0].error.message if ends else "it was interrupted")
    again: Record = ends[0]
    return again
