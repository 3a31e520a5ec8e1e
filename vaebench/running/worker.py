"""One trial from start to record: data -> training -> evidence -> metrics -> pictures and weights -> record."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from vaebench.components.registry import registry
from vaebench.data.cache import Cache
from vaebench.data.prepare import about, open_splits
from vaebench.data.regimes import keep_out, training_images
from vaebench.data.shortcuts import shortcuts
from vaebench.data.splits import limited
from vaebench.evidence import Evidence
from vaebench.interfaces import At, Model, Splits
from vaebench.judging import cost
from vaebench.judging.gathering import gather
from vaebench.judging.measure import measure
from vaebench.judging.pictures import FILM, write_pictures
from vaebench.planning.jobs import Job
from vaebench.records import provenance, store
from vaebench.records.record import Cost, Device, Failure, Inputs, Kind, Record, Status
from vaebench.running.keeper import Keeper
from vaebench.running.sink import Lost, Sink
from vaebench.training import checkpoint, weights
from vaebench.training.build import build, optimised, origin_of, parameters_in_force, versions_of
from vaebench.training.devices import (
    be_deterministic,
    check_threads,
    choices,
    exact_answers,
    precision,
    room_for_images,
)
from vaebench.training.history import History
from vaebench.training.loop import Course, Diverged
from vaebench.trial import Spec, seed_of

Tell = Callable[[Mapping[str, Any]], None]


def perform(
    job: Job,
    data: Path,
    device: str,
    sink: Sink,
    keeper: Keeper,
    tell: Tell = lambda event: None,
) -> Record:
    """Run the trial on its prepared data and deliver its record, whatever happens; `tell` receives its progress."""
    be_deterministic(device)
    record = blank(job, device)
    try:
        Attempt(job, data, device, sink, keeper, tell).fill(record)
        (sink.files(job.trial) / store.ERROR).unlink(missing_ok=True)
    except Lost:
        raise
    except Exception as error:
        message = provenance.message_of(error)
        kind = _kind(error, message)
        if kind == "oom":
            message += (
                f"; a batch of {job.settings.batch} does not fit in memory; try {max(1, job.settings.batch // 2)}"
            )
        record.status, record.error, record.metrics = "failed", Failure(kind, message), {}
        trace = "".join(traceback.format_exception(error))[-65536:]
        store.write_atomically(sink.files(job.trial) / store.ERROR, trace.encode(errors="backslashreplace"))
    sink.deliver(job, record)
    if record.error is None or record.error.kind == "nan":  # resuming would end in the same NaN
        keeper.drop(job.trial)
    return record


def blank(job: Job, device: str, status: Status = "ok", error: Failure | None = None) -> Record:
    """Return a record with everything that is known before the trial starts."""
    trial, components = job.trial, registry().at(job.home)
    return Record(
        schema="vaebench/record@1",
        id=trial.id,
        trial=trial,
        settings=job.settings,
        status=status,
        error=error,
        metrics={},
        cost=Cost(),
        curve={},
        inputs=Inputs(
            data=job.data,
            origin=origin_of(trial, components),
            components=versions_of(trial, job.settings, components),
            parameters=parameters_in_force(trial, job.settings, components),
        ),
        device=Device(
            kind=provenance.device_class(device),
            name=provenance.device_name(device),
            threads=1,
            precision=precision(device),
            layout=choices(device)["layout"],
            fused=choices(device)["fused"],
        ),
        software=provenance.software(),
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


@dataclass(frozen=True)
class Attempt:
    """One attempt at a job."""

    job: Job
    data: Path
    device: str
    sink: Sink
    keeper: Keeper
    tell: Tell

    def fill(self, record: Record) -> None:
        """Train, measure and draw pictures; the results go into the record, and files into the sink."""
        job, trial, settings, clock = self.job, self.job.trial, self.job.settings, time.perf_counter()
        components = registry().at(job.home)
        splits = open_splits(self.data)
        record.inputs.twins = about(self.data).twins
        if trial.regime == "healthy":
            splits = keep_out(splits, trial.dataset.name)
        splits = limited(splits, settings.limit, trial.dataset.name, trial.seed)
        if trial.regime == "healthy":  # an anomaly score must beat shortcuts to show that it uses anatomy
            record.inputs.shortcuts = shortcuts(splits)
        channels, height, side = splits.train.images.shape[1:]
        record.inputs.shape = (channels, height, side)

        def built() -> Model:
            torch.manual_seed(seed_of(trial.id))
            return build(trial, settings, (channels, height, side), components, self.device).to(self.device)

        model = built()
        if trained := self.trained(model):
            for name in ("curve", "cost", "weights", "facts", "started", "software", "device"):
                setattr(record, name, getattr(trained, name))
        else:
            try:
                history = self.learn(model, splits, record, self.keeper.load(record))
            except checkpoint.Spoiled as reason:
                text = f"the checkpoint cannot be used, since {reason}; trained from the start"
                self.tell({"phase": "note", "text": text})
                self.keeper.drop(trial)
                model = built()
                history = self.learn(model, splits, record, None)
            record.curve, record.cost = history.curve, cost.of_training(model, history, settings.batch)
        measuring = time.perf_counter()
        with exact_answers():
            evidence = self.judge(model, splits, record)
            if not trained:
                record.cost.measure_seconds = round(time.perf_counter() - measuring, 3)
                record.cost.peak_memory_bytes = cost.peak_memory(self.device)
                record.cost.code_size = cost.code_size(evidence)
                record.cost.reconstruction_flops = cost.reconstruction_flops(evidence)
                self.leave(model, evidence, history, record)
                record.cost.seconds = round(time.perf_counter() - clock, 3)

    def judge(self, model: Model, splits: Splits, record: Record) -> Evidence:
        """Measure the trained model with every metric."""
        trial, settings = self.job.trial, self.job.settings
        components = registry().at(self.job.home)
        evidence = Evidence(
            model,
            splits,
            samples=settings.samples,
            seed=seed_of(f"samples {trial.id}"),
            dataset=trial.dataset.name,
            classes=about(self.data).classes,
            keep=Cache(self.data / "cache", trial.dataset.name, self.device),
        )
        if self.device != "cpu":
            gather(evidence)  # before the first "measure" message, which frees the card for the next trial
        for number, name in enumerate(settings.metrics):
            self.tell({"phase": "measure", "metric": name, "share": number / len(settings.metrics)})
            metric = components.create("metrics", Spec(name))
            record.metrics[name] = measure(metric, evidence, trial.regime, name in self.job.paired)
            check_threads()
        for name in optimised(trial, components) & record.metrics.keys():
            record.metrics[name].optimised = True
        return evidence

    def trained(self, model: Model) -> Record | None:
        """Return the stored record if it lacks only metrics and its weights could be loaded into the model."""
        stored = self.sink.record(self.job.trial) if self.job.measure_only else None
        if stored and weights.restore(
            model, self.sink.weights(self.job.trial, weights.most_bytes(model)), stored.weights
        ):
            return stored
        return None

    def learn(self, model: Model, splits: Splits, record: Record, state: Mapping[str, Any] | None) -> History:
        """Train the model as its trial specifies, from the state of a checkpoint if there is one."""
        trial, settings = self.job.trial, self.job.settings
        images = training_images(splits, trial.regime, self.device, room_for_images(self.device))
        order = torch.Generator().manual_seed(seed_of(f"order of {trial.dataset} {trial.seed}"))
        course = Course(model, images, settings, order, self.job.graphs)
        history = History(model, splits.val or splits.train, settings.batch, self.tell)
        if state is None:
            course.fit()
        else:
            checkpoint.resume(course, history, state)
            self.tell({"phase": "note", "text": f"resumed {course.place}"})
        kept = time.perf_counter()

        def keep() -> None:
            nonlocal kept
            kept = time.perf_counter()
            try:
                self.keeper.save(record, {"course": course.state(), "history": history.state()})
            except OSError as error:  # training goes on without a new checkpoint
                text = f"no checkpoint could be written ({error.strerror}); training continues"
                self.tell({"phase": "note", "text": text})

        def after(at: At) -> None:
            history.after(at)
            check_threads()
            if time.perf_counter() - kept >= self.keeper.every:
                keep()

        course.run(history.report, after)
        check_threads()
        if history.seconds >= self.keeper.every:  # measuring may be interrupted as well
            keep()
        if self.device != "cpu":  # set only now: checkpoints are compared with `device` as it was at the start
            record.device.graphs = course.replays > 0
        record.facts = {name: value for name, value in model.facts().items() if math.isfinite(value)}
        history.close()
        return history

    def leave(self, model: Model, evidence: Evidence, history: History, record: Record) -> None:
        """Store the weights, the film of the training and the pictures."""
        trial = self.job.trial
        content, record.weights = weights.packed(model)
        store.write_atomically(self.sink.files(trial) / store.WEIGHTS, content)
        if history.frames:
            store.write_atomically(self.sink.files(trial) / FILM, history.film())
        write_pictures(evidence, self.sink.files(trial), history.curve, trial.regime)


def _kind(error: Exception, message: str) -> Kind:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in message:
        return "oom"
    return "nan" if isinstance(error, Diverged) else "exception"
