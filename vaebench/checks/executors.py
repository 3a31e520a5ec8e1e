"""Checks that every executor must pass, with short trials on phantoms.

Each trial may start a process that loads torch, so all checks but one share two trials."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import structs

from vaebench.checks.outcome import Checklist, require
from vaebench.components.parameters import construct, parameters_of
from vaebench.components.registry import Offer, registry
from vaebench.data.prepare import Prepared, prepare
from vaebench.interfaces import Dataset, Event, Executor, Metric, NotApplicable
from vaebench.planning.jobs import Job, Versions
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.sink import ResultsSink
from vaebench.running.site import Site
from vaebench.running.worker import perform
from vaebench.trial import Settings, Spec, Trial, Value

CHECKS = Checklist()
SIZE = 28
LONG = 10**7
"""The number of steps of a trial that is stopped before it ends"""
SOON = 60.0
"""Seconds within which an executor must stop once its iterator is closed"""


class Sent:
    """An executor, and trials for it that use whatever components are installed."""

    def __init__(self, component: type[Executor], params: Mapping[str, Value]) -> None:
        self.component, self.params = component, params
        self._folder = tempfile.TemporaryDirectory(prefix="vaebench-check-")
        self.folder = Path(self._folder.name)

    def make(self) -> Executor:
        made: Executor = construct(self.component, **self.params)
        return made

    def jobs(self, *seeds: int, **changes: int) -> list[Job]:
        """Return a job for each seed."""
        model, metric = _model(), _metric()
        loss = Spec(model.component.default_loss) if model.component.default_loss else None
        settings = structs.replace(Settings(SIZE, 4, 8, samples=8, metrics=(metric.name,)), **changes)
        versions = Versions(settings, registry())
        trials = [
            Trial("conformance@1", "tiny", "phantom", self.data[0], Spec(model.name), loss, "all", seed)
            for seed in seeds
        ]
        return [Job(one, settings, self.data[1].digest, versions.of(one), versions.code_of(one)) for one in trials]

    @cached_property
    def data(self) -> tuple[Spec, Prepared]:
        for offer in _alone("datasets"):
            component: type[Dataset] = offer.component
            if any(parameter.required for parameter in parameters_of(component).values()):
                continue
            spec, limit = Spec(offer.name), {"train": 32, "test": 16}
            try:
                return spec, prepare(component(), spec, "phantom", SIZE, limit, self.folder, self.folder)
            except NotApplicable:
                continue
        raise NotApplicable("no installed dataset has a phantom")

    def site(self, results: str) -> Site:
        folder = self.folder / results
        ready = {self.data[1].digest: self.data[1].folder}
        return Site(ready, ResultsSink(folder, "cpu"), CheckpointKeeper(folder, "cpu"))

    def stored(self, results: str) -> dict[str, Record]:
        """Return the records in a folder, by trial id."""
        found = {}
        for path in (self.folder / results).glob("*/*/*/*/*/*.json"):
            try:
                found[path.stem] = store.read(path)
            except BadRecord as error:
                require(False, f"the executor left an invalid record: {error}")
        return {record.id: record for record in found.values()}

    @cached_property
    def two(self) -> list[Job]:
        """The jobs of two trials: the first fails, and the second succeeds."""
        return [*self.jobs(0, batch=-1), *self.jobs(1)]

    @cached_property
    def events(self) -> list[Event]:
        """The events of the trials of `two`, which are run once for all checks."""
        return list(self.make().run(self.two, self.site("mine")))


def _alone(kind: str) -> Iterator[Offer]:
    """Yield the components whose names are unique without a prefix."""
    return (offers[0] for offers in registry().offers(kind).values() if len(offers) == 1)


def _model() -> Offer:
    """Return a model that can be trained at any image size."""
    for offer in _alone("models"):
        required = any(parameter.required for parameter in parameters_of(offer.component).values())
        if offer.component.stages and offer.component.native_size is None and not required:
            return offer
    raise NotApplicable("no installed model can be trained")


def _metric() -> Offer:
    for offer in _alone("metrics"):
        metric: type[Metric] = offer.component
        if metric.verdict == "reconstruction" and metric.regime == "all":
            return offer
    raise NotApplicable("no installed metric judges reconstructions")


def _ends(events: Sequence[Event]) -> dict[str, Record]:
    return {event.job.trial.id: event.data["record"] for event in events if event.kind == "end"}


@CHECKS.add
def events(case: Sent) -> None:
    """The executor reports one start and one end of each trial, and the reported record equals the one in the results
    folder."""
    ids = sorted(job.trial.id for job in case.two)
    for kind in ("start", "end"):
        told = sorted(event.job.trial.id for event in case.events if event.kind == kind)
        require(
            told == ids,
            f"2 trials should have a `{kind}` event each, but there were {len(told)} for {len(set(told))} trials",
        )
    require(_ends(case.events) == case.stored("mine"), "the reported records are not those in the results folder")


@CHECKS.add
def failures(case: Sent) -> None:
    """A failed trial leaves a record with the reason, and the other trials continue."""
    bad, good = case.two
    ends = _ends(case.events)
    require(len(ends) == 2, f"after the first of 2 trials failed, {len(ends)} trials ended instead of 2")
    error = ends[bad.trial.id].error
    require(error is not None and bool(error.message), "a trial that cannot train has a good record")
    require(ends[good.trial.id].error is None, "when one trial failed, the other failed as well")


@CHECKS.add
def equals_local(case: Sent) -> None:
    """Metrics, curve and weights are bit-identical to those of the same trial on this machine."""
    job, here, sent = case.two[1], case.site("here"), case.site("mine")
    wanted = perform(job, case.data[1].folder, "cpu", here.sink, here.keeper)
    require(wanted.status == "ok", "the trial failed on this machine, so there is nothing to compare with")
    mine = _ends(case.events).get(job.trial.id)
    require(mine is not None, "the executor left no record of a trial")
    for field in ("status", "metrics", "curve", "weights", "inputs", "settings"):
        one, two = getattr(mine, field), getattr(wanted, field)
        require(one == two, f"`{field}` differs from the result on this machine: {str(one)[:100]}")
    beside = [store.weights_of(each.sink.path(job.trial)) for each in (sent, here)]
    require(beside[0].is_file(), "the weights are not next to the record")
    require(beside[0].read_bytes() == beside[1].read_bytes(), "the weights next to the record differ")


@CHECKS.add
def done_once(case: Sent) -> None:
    """A trial that another run has completed since the plan was made ends at once with that run's record and is not
    repeated."""
    first = _ends(case.events)
    again = list(case.make().run(case.two, case.site("mine")))
    require(_ends(again) == first, "trials that have a record were repeated (use `Outbox`, or `site.sink.answer`)")


@CHECKS.add
def closing(case: Sent) -> None:
    """Closing the iterator that run() returns stops the trials promptly and leaves no records and no claims."""
    running = case.make().run(case.jobs(4, steps=LONG), case.site("closed"))
    next(event for event in running if event.kind in ("start", "progress"))
    before = time.monotonic()
    running.close()  # type: ignore[attr-defined]
    took = time.monotonic() - before
    require(took < SOON, f"the executor took {took:.0f} s to stop")
    require(not case.stored("closed"), "a trial that was stopped has a record")
    left = list((case.folder / "closed").glob("**/*.lease"))
    require(not left, "the executor still claims the trial (use `Claims` or `Outbox` as a context manager)")
