"""One trial from start to record: data -> training -> evidence -> metrics -> pictures and weights -> record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torch.utils.deterministic

from vaebench.components.registry import registry
from vaebench.data.audit import shortcuts
from vaebench.data.cache import Cache
from vaebench.data.prepare import about, open_splits
from vaebench.data.regimes import keep_out, training_images
from vaebench.data.splits import limited
from vaebench.evidence import Evidence
from vaebench.interfaces import At, Metric, Model, Splits
from vaebench.judging import cost
from vaebench.judging.measure import measure
from vaebench.judging.pictures import write_pictures
from vaebench.planning.jobs import Job
from vaebench.records import provenance, store
from vaebench.records.record import Record
from vaebench.training import checkpoint, weights
from vaebench.training.build import build, optimised, origin_of, parameters_in_force, versions_of
from vaebench.training.devices import choices
from vaebench.training.history import History
from vaebench.training.loop import Course, Diverged
from vaebench.trial import Spec, seed_of

Tell = Callable[[Mapping[str, Any]], None]


def run_job(job: Job, tell: Tell = lambda event: None) -> Record:
    """Do the trial and write its record, whatever happens; `tell` hears how it goes."""
    torch.set_num_threads(1)  # results depend on the number of threads
    if job.device != "cpu":  # on a CPU, the same bits come without asking
        torch.use_deterministic_algorithms(True, warn_only=True)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (torch's types lack it)
    record = blank(job)
    path = store.path_of(job.results, job.trial, record["device"]["class"])
    notes = store.artifacts_of(path) / "error.txt"
    try:
        _fill(record, job, path, tell)
        notes.unlink(missing_ok=True)
    except Exception as error:
        kind, message = _kind(error), provenance.message_of(error)
        if kind == "oom":
            message += f"; a batch of {job.settings.batch} did not fit, {max(1, job.settings.batch // 2)} would be next"
        record |= {"status": "failed", "error": {"kind": kind, "message": message}, "metrics": {}}
        store.write_atomically(notes, "".join(traceback.format_exception(error)).encode())
    if record["status"] == "ok" or not job.trained:  # a failed second look takes nothing from a good record
        store.write(path, record)
    if record["status"] == "ok" or record["error"]["kind"] == "nan":  # going on would end in the same NaN
        checkpoint.path_of(path).unlink(missing_ok=True)
    return record


def blank(job: Job, status: str = "ok", kind: str = "", message: str = "") -> Record:
    """A record with all that is known before the trial starts."""
    trial = job.trial
    return {
        "schema": store.SCHEMA,
        "id": trial.id,
        "trial": trial.to_json(),
        "settings": job.settings.to_json(),
        "status": status,
        "error": {"kind": kind, "message": message} if status != "ok" else None,
        "metrics": {},
        "cost": {},
        "curve": {},
        "inputs": {
            "data": about(job.data).digest,
            "origin": origin_of(trial, job.home),
            "components": versions_of(trial, job.settings, job.home),
            "parameters": parameters_in_force(trial, job.settings, job.home),
        },
        "device": {
            "class": provenance.device_class(job.device),
            "name": provenance.device_name(job.device),
            "threads": 1,
            **choices(job.device),
        },
        "software": provenance.software(),
        "started": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _fill(record: Record, job: Job, path: Path, tell: Tell) -> None:
    trial, settings, clock = job.trial, job.settings, time.perf_counter()
    splits = open_splits(job.data)
    if trial.regime == "healthy":
        splits = keep_out(splits, trial.dataset.name)
    splits = limited(splits, settings.limit, trial.dataset.name, trial.seed)
    if trial.regime == "healthy":  # what an anomaly score must beat to mean anatomy
        record["inputs"]["shortcuts"] = shortcuts(splits)
    torch.manual_seed(seed_of(trial.id))
    channels, height, side = splits.train.images.shape[1:]
    record["inputs"]["shape"] = [channels, height, side]
    model = build(trial, settings, (channels, height, side), job.home).to(job.device)
    trained = job.trained if job.trained and weights.restore(model, path, job.trained) else None
    if trained:
        record |= {key: trained[key] for key in ("curve", "cost", "weights", "started", "software", "device")}
    else:
        history = learn(model, splits, record, job, tell)
        record["curve"], record["cost"] = history.curve, cost.of_training(model, history, settings.batch)
    measuring = time.perf_counter()
    evidence = Evidence(
        model,
        splits,
        samples=settings.samples,
        seed=seed_of(f"samples {trial.id}"),
        dataset=trial.dataset.name,
        classes=about(job.data).classes,
        keep=Cache(job.data / "cache", trial.dataset.name),
    )
    for name in settings.metrics:
        tell({"phase": "measure", "metric": name})
        record["metrics"][name] = measure(_metric(name, job), evidence, trial.regime)
    for name in optimised(trial, job.home) & record["metrics"].keys():
        record["metrics"][name]["optimised"] = True
    if not trained:
        record["cost"] |= {
            "measure_seconds": round(time.perf_counter() - measuring, 3),
            "peak_memory_bytes": cost.peak_memory(job.device),
            "code_size": cost.code_size(evidence),
            "reconstruction_flops": cost.reconstruction_flops(evidence),
        }
        record["weights"] = weights.keep(model, path)
        if history.frames:
            store.write_atomically(store.artifacts_of(path) / "along.npz", history.film())
        write_pictures(evidence, store.artifacts_of(path), history.curve)
        record["cost"]["seconds"] = round(time.perf_counter() - clock, 3)


def learn(model: Model, splits: Splits, record: Record, job: Job, tell: Tell) -> History:
    """Train the model as its trial says, from its checkpoint where there is one."""
    trial, settings = job.trial, job.settings
    path = checkpoint.path_of(store.path_of(job.results, trial, record["device"]["class"]))
    images = training_images(splits, trial.regime, job.device)
    order = torch.Generator().manual_seed(seed_of(f"order of {trial.dataset} {trial.seed}"))
    course, history = Course(model, images, settings, order), History(model, splits.test, settings.batch, tell)
    if state := _last_checkpoint(path, record, job, tell):
        course.resume(state["course"])
        history.resume(state["history"])
    else:
        course.fit()
    kept = time.perf_counter()

    def keep() -> None:
        nonlocal kept
        kept = time.perf_counter()
        try:
            checkpoint.save(path, record, {"course": course.state(), "history": history.state()})
        except OSError as error:  # the training is worth more
            tell({"phase": "note", "text": f"no checkpoint could be written ({error.strerror}); training goes on"})

    def after(at: At) -> None:
        history.after(at)
        if time.perf_counter() - kept >= job.every:
            keep()

    course.run(history.report, after)
    if history.seconds >= job.every:  # measuring may be cut off as well
        keep()
    history.close()
    return history


def _last_checkpoint(path: Path, record: Record, job: Job, tell: Tell) -> dict[str, Any] | None:
    if job.fresh:
        path.unlink(missing_ok=True)
    try:
        return checkpoint.load(path, record)
    except checkpoint.Spoiled as reason:
        tell({"phase": "note", "text": f"the checkpoint is of no use, since {reason}; trained from the start"})
        return None


def _metric(name: str, job: Job) -> Metric:
    metric: Metric = registry().create("metrics", Spec(name), home=job.home)
    return metric


def _kind(error: Exception) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "oom"
    return "nan" if isinstance(error, Diverged) else "exception"
