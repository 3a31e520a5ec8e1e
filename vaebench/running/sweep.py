"""Sweeps: prepare the data of a plan, find the remaining trials, and run them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from vaebench.components.registry import registry
from vaebench.data.prepare import Prepared
from vaebench.interfaces import Event, NotApplicable
from vaebench.planning.jobs import Versions, jobs_of
from vaebench.planning.kept import keep
from vaebench.planning.names import chosen_executor
from vaebench.planning.plan import Plan
from vaebench.records import store
from vaebench.records.record import BadRecord, Record, to_json
from vaebench.records.store import weights_of
from vaebench.running import PATIENCE, claims, mirrors
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.preparation import NotReady, made_ready
from vaebench.running.sink import ResultsSink
from vaebench.running.site import Site
from vaebench.training import checkpoint


def make_ready(plan: Plan, tell: Callable[[str], None] = lambda dataset: None, patience: float = PATIENCE) -> Plan:
    """Return the plan with its datasets prepared, and without the datasets and trials that cannot be prepared.

    The name of each dataset is passed to `tell` before it is prepared."""
    ready: dict[str, Prepared] = {}
    left_out = dict(plan.left_out)
    for one in plan.datasets:
        tell(one.spec.name)
        try:
            ready[str(one.spec)] = made_ready(one, plan, patience, tell)
        except NotReady as reason:
            left_out[str(one.spec)] = str(reason)
    datasets = tuple(one for one in plan.datasets if str(one.spec) in ready)
    healthy = {name for name, own in ready.items() if own.health}
    trials = tuple(
        trial for trial in plan.trials if str(trial.dataset) in (healthy if trial.regime == "healthy" else ready)
    )
    asked = {str(trial.dataset) for trial in plan.trials} - {str(trial.dataset) for trial in trials}
    left_out |= dict.fromkeys(asked & set(ready), "the images have no health labels, which all trials require")
    return replace(plan, datasets=datasets, trials=trials, left_out=left_out, ready=ready)


def look_at_files(plan: Plan) -> Plan:
    """Return the plan without the datasets whose real files are missing, empty or described incorrectly.

    Only faults that can be found without decoding images are considered."""
    left_out = dict(plan.left_out)
    for one in plan.datasets if plan.source == "real" else ():
        try:
            list(one.dataset.files(plan.request.data))
        except (NotApplicable, ValueError, OSError) as error:
            left_out[str(one.spec)] = str(error)
    datasets = tuple(one for one in plan.datasets if str(one.spec) not in left_out)
    trials = tuple(trial for trial in plan.trials if str(trial.dataset) not in left_out)
    return replace(plan, datasets=datasets, trials=trials, left_out=left_out)


def find_done(plan: Plan, complain: Callable[[str], None] = lambda complaint: None) -> Plan:
    """Return the plan, with trials marked as done if their record is current, or as trained if it lacks only metrics.

    Problems with other records are passed to `complain`."""
    versions = Versions(plan.settings, registry().at(plan.suite.home))
    settings = structs.replace(plan.settings, metrics=())
    data = {name: ready.digest for name, ready in plan.ready.items()}
    sink = sink_of(plan)
    seen: dict[str, str] = {}
    done: dict[str, Record] = {}
    trained: dict[str, Record] = {}
    for trial in plan.trials:
        path = sink.path(trial)
        seen[trial.id] = store.digest_of(path)
        if not path.exists():
            continue
        try:
            record = store.read(path)
        except BadRecord as error:
            complain(f"{error} (the trial is repeated now)")
            continue
        if record.id != trial.id:
            complain(f"{path} contains the record of trial {record.id} (the trial is repeated now)")
            continue
        made, now = record.inputs.components, versions.of(trial)
        alike = (
            record.status == "ok"
            and structs.replace(record.settings, metrics=()) == settings
            and _without_metrics(made) == _without_metrics(now)
            and record.inputs.data == data.get(str(trial.dataset), record.inputs.data)
        )
        if alike and now.items() <= made.items():
            done[trial.id] = record
        elif alike:
            mirrors.fetch_weights(path)
            if weights_of(path).exists():
                trained[trial.id] = record
    return replace(plan, seen=seen, done=done, trained=trained)


def failed_before(plan: Plan) -> Plan:
    """Return the plan with only those trials whose last record is a failure."""
    sink = sink_of(plan)
    records = ((trial, sink.record(trial)) for trial in plan.todo)
    return replace(plan, trials=tuple(trial for trial, record in records if record and record.status != "ok"))


def open_track(plan: Plan) -> None:
    """Create the track's folder and check that it is writable, before anything is estimated or trained."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    if not os.access(plan.folder, os.W_OK):
        raise PermissionError(errno.EACCES, "Records cannot be written", str(plan.folder))
    with suppress(OSError):  # the copy of the suite is needed only if its plugin is missing
        keep(plan.suite, plan.folder.parents[1])
    clear_debris(plan.folder)


def run(
    plan: Plan,
    slots: int,
    stop_on_failure: bool = False,
    every: float = checkpoint.EVERY,
    fresh: bool = False,
    patience: float = PATIENCE,
) -> Iterator[Event]:
    """Run the remaining trials; every trial ends with exactly one record, whatever happens to it.

    `every` is the time in seconds between checkpoints; a `fresh` run does not resume from them."""
    open_track(plan)
    executor = chosen_executor(plan.request.executor)
    events = executor.run(list(jobs_of(plan)), _site(plan, slots, every, fresh, patience), stop_on_failure)
    yield from events if executor.listens else heard(events)


def submit(plan: Plan, slots: int, every: float, fresh: bool, patience: float) -> str:
    """Submit the remaining trials to an engine that runs them without this process; return a line for the user."""
    open_track(plan)
    executor = chosen_executor(plan.request.executor)
    return executor.submit(list(jobs_of(plan)), _site(plan, slots, every, fresh, patience))


def heard(events: Iterator[Event]) -> Iterator[Event]:
    """Pass the events to the hooks of plugins, and yield them unchanged."""
    listeners = registry().plugins
    for event in events:
        if event.kind == "progress" and event.data.get("phase") == "train":
            logs = {"trial": event.job.trial, "step": event.data["step"], "logs": event.data["logs"]}
            list(listeners.call("vaebench_progress", **logs))
        elif event.kind == "end":
            list(listeners.call("vaebench_record", record=to_json(event.data["record"])))
        yield event


def _site(plan: Plan, slots: int, every: float, fresh: bool, patience: float) -> Site:
    return Site(
        ready={ready.digest: ready.folder for ready in plan.ready.values()},
        sink=sink_of(plan),
        keeper=CheckpointKeeper(plan.request.results, plan.device_class, every, fresh),
        devices=plan.request.devices,
        slots=slots,
        patience=patience,
    )


def sink_of(plan: Plan) -> ResultsSink:
    """Return the sink in which the records of a plan are stored and found."""
    return ResultsSink(plan.request.results, plan.device_class)


def _without_metrics(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith("metric")}


def clear_debris(folder: Path, age: float = 3600.0) -> None:
    """Remove what killed runs left behind: leases, and temporary files older than `age` seconds."""
    with suppress(OSError):  # a read-only folder
        claims.clear_abandoned(folder)
    for path in folder.glob("**/.*.tmp"):
        with suppress(OSError):  # another run's file, which that run has just completed
            if time.time() - path.stat().st_mtime > age:
                path.unlink()
