"""A sweep: making the data of a plan ready, finding what is still to do, and doing it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaebench.components.registry import Registry
from vaebench.data.prepare import cache_folder, prepare
from vaebench.data.splits import SplitError
from vaebench.interfaces import Event, NotApplicable
from vaebench.planning.jobs import Job
from vaebench.planning.plan import Plan
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.records.store import weights_of
from vaebench.trial import Spec, Trial


def make_ready(plan: Plan) -> Iterator[str]:
    """Prepare the datasets, naming each before it is made; then drop the trials that cannot be asked of them."""
    for one in list(plan.datasets):
        yield one.spec.name
        limit = plan.settings.limit
        try:
            plan.ready[str(one.spec)] = prepare(
                one.dataset, one.spec, plan.source, plan.settings.size, limit, plan.data, cache_folder()
            )
        except (NotApplicable, SplitError, ValueError, OSError) as error:
            plan.left_out[one.spec.name] = f"{error}"
            plan.datasets.remove(one)
    kept = {str(one.spec) for one in plan.datasets}
    plan.trials = [
        trial
        for trial in plan.trials
        if str(trial.dataset) in kept and (trial.regime != "healthy" or plan.ready[str(trial.dataset)].health)
    ]


def find_done(plan: Plan, registry: Registry, home: str | None) -> list[str]:
    """Mark trials whose record is good and current; what is wrong with the others' records is returned in words."""
    complaints = []
    for trial in plan.trials:
        path = plan.path_of(trial)
        plan.before[trial.id] = store.written(path)
        if not path.exists():
            continue
        try:
            record = store.read(path)
        except BadRecord as error:
            complaints.append(f"{error} (it is done again now)")
            continue
        if record["id"] != trial.id:
            complaints.append(f"{path} holds the record of trial {record['id']} (it is done again now)")
        elif record["status"] == "ok" and _trained_alike(record, trial, plan, home):
            if _measured(record, trial, plan, home):
                plan.done[trial.id] = record
            elif weights_of(path).exists():
                plan.trained[trial.id] = record
    return complaints


def failed_before(plan: Plan) -> list[Trial]:
    """The trials whose last record is a failure."""
    failed = []
    for trial in plan.todo:
        try:
            if store.read(plan.path_of(trial))["status"] != "ok":
                failed.append(trial)
        except BadRecord:
            continue
    return failed


def open_track(plan: Plan) -> None:
    """The track's folder, there and writable: said before anything is estimated or trained."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    if not os.access(plan.folder, os.W_OK):
        raise PermissionError(errno.EACCES, "No record can be written", str(plan.folder))
    _clear_debris(plan.folder)


def run(
    plan: Plan, registry: Registry, slots: int, stop_on_failure: bool = False, every: float = 60.0, fresh: bool = False
) -> Iterator[Event]:
    """Do what is to do; every trial ends with one record, whatever happens to it. Checkpoints are `every` so many
    seconds apart, and not gone on from in a `fresh` run."""
    open_track(plan)
    jobs = [
        Job(
            trial,
            plan.settings,
            plan.results,
            plan.ready[str(trial.dataset)].folder,
            device=plan.device,
            others=plan.others,
            home=plan.suite.home,
            trained=plan.trained.get(trial.id),
            before=plan.before.get(trial.id, store.written(plan.path_of(trial))),
            every=every,
            fresh=fresh,
        )
        for trial in plan.todo
    ]
    executor = registry.create("executors", Spec("local"), home="vaebench")
    for event in executor.run(jobs, slots, stop_on_failure):
        if event.kind == "progress" and event.data.get("phase") == "train":
            logs = {"trial": event.job.trial, "step": event.data["step"], "logs": event.data["logs"]}
            list(registry.plugins.call("vaebench_progress", **logs))
        elif event.kind == "end":
            list(registry.plugins.call("vaebench_record", record=event.data["record"]))
        yield event


def default_slots(plan: Plan) -> int:
    """One trial per core on a CPU (a trial uses one thread), one per GPU."""
    if plan.device != "cpu":
        return 1 + len(plan.others)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _trained_alike(record: Record, trial: Trial, plan: Plan, home: str | None) -> bool:
    """Whether a record's weights are those that would be trained now."""
    from vaebench.training.build import versions_of

    def without_metrics(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if not key.startswith("metric")}

    ready, mine = plan.ready.get(str(trial.dataset)), versions_of(trial, plan.settings, home)
    return (
        without_metrics(record["settings"]) == without_metrics(plan.settings.to_json())
        and without_metrics(record["inputs"]["components"]) == without_metrics(mine)
        and (ready is None or record["inputs"]["data"] == ready.digest)
    )


def _measured(record: Record, trial: Trial, plan: Plan, home: str | None) -> bool:
    """Whether a record answers every metric that is asked for, in its present version."""
    from vaebench.training.build import versions_of

    return versions_of(trial, plan.settings, home).items() <= record["inputs"]["components"].items()


def _clear_debris(folder: Path, age: float = 3600.0) -> None:
    """Remove temporary files that a killed run left an hour ago or more."""
    for path in folder.glob("**/.*.tmp"):
        with suppress(FileNotFoundError):  # another run's, done meanwhile
            if time.time() - path.stat().st_mtime > age:
                path.unlink()
