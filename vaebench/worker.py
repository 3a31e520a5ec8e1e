"""One trial from start to record: data -> training -> evidence -> metrics -> pictures and weights -> record."""

from __future__ import annotations

import hashlib
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.deterministic
from safetensors.torch import load, save
from torch.utils.flop_counter import FlopCounterMode

from vaebench import checkpoint, provenance, records
from vaebench.audit import shortcut_baselines
from vaebench.building import build, optimised, origin_of, parameters_in_force, versions_of
from vaebench.data import about, limited, open_splits
from vaebench.diary import Diary
from vaebench.engine import choices
from vaebench.evidence import Evidence
from vaebench.interfaces import At, Images, Metric, Model, NotApplicable, Score, Splits
from vaebench.records import Record
from vaebench.regimes import keep_out, training_rows
from vaebench.registry import registry
from vaebench.report.pictures import write_pictures
from vaebench.training import Course, Diverged
from vaebench.trial import Job, Spec

RESIDENT_BYTES = 4 * 2**30
"""More training images than this are not loaded but read from their memory map, batch by batch."""

Tell = Callable[[Mapping[str, Any]], None]
SCORE_FIELDS = ("title", "verdict", "better", "unit", "primary", "regime", "version")


def run_job(job: Job, tell: Tell = lambda event: None) -> Record:
    """Do the trial and write its record, whatever happens; `tell` hears how it goes."""
    torch.set_num_threads(1)  # results depend on the number of threads
    if job.device != "cpu":  # on a CPU, the same bits come without asking
        torch.use_deterministic_algorithms(True, warn_only=True)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (torch's types lack it)
    record = blank(job)
    path = records.path_of(job.results, job.trial, record["device"]["class"])
    notes = records.artifacts_of(path) / "error.txt"
    try:
        _fill(record, job, path, tell)
        notes.unlink(missing_ok=True)
    except Exception as error:
        kind, message = _kind(error), _told(error)
        if kind == "oom":
            message += f"; a batch of {job.settings.batch} did not fit, {max(1, job.settings.batch // 2)} would be next"
        record |= {"status": "failed", "error": {"kind": kind, "message": message}, "metrics": {}}
        records.write_atomically(notes, "".join(traceback.format_exception(error)).encode())
    if record["status"] == "ok" or not job.trained:  # a failed second look takes nothing from a good record
        records.write(path, record)
    if record["status"] == "ok" or record["error"]["kind"] == "nan":  # going on would end in the same NaN
        checkpoint.path_of(path).unlink(missing_ok=True)
    return record


def blank(job: Job, status: str = "ok", kind: str = "", message: str = "") -> Record:
    """A record with all that is known before the trial starts."""
    trial = job.trial
    return {
        "schema": records.SCHEMA,
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
    trained = job.trained if job.trained and restore(model, path, job.trained) else None
    if trained:
        record |= {key: trained[key] for key in ("curve", "cost", "weights", "started", "software", "device")}
    else:
        diary = learn(model, splits, record, job, tell)
        record["curve"], record["cost"] = diary.curve, _cost(model, diary, settings.batch)
    measuring = time.perf_counter()
    evidence = Evidence(
        model,
        splits,
        samples=settings.samples,
        seed=seed_of(f"samples {trial.id}"),
        dataset=trial.dataset.name,
        classes=about(job.data).classes,
        cache=job.data / "cache",
    )
    for name in settings.metrics:
        tell({"phase": "measure", "metric": name})
        record["metrics"][name] = measure(_metric(name, job), evidence, trial.regime)
    for name in optimised(trial, job.home) & record["metrics"].keys():
        record["metrics"][name]["optimised"] = True
    if not trained:
        record["cost"] |= {
            "measure_seconds": round(time.perf_counter() - measuring, 3),
            "peak_memory_bytes": peak_memory(job.device),
            "code_size": _code_size(evidence),
            "reconstruction_flops": _flops(evidence),
        }
        # Cloned, because one tensor may stand in a model under two names.
        weights = save({name: value.clone().contiguous() for name, value in model.state_dict().items()})
        records.write_atomically(records.weights_of(path), weights)
        record["weights"] = hashlib.sha256(weights).hexdigest()
        if diary.frames:
            records.write_atomically(records.artifacts_of(path) / "along.npz", diary.film())
        write_pictures(evidence, records.artifacts_of(path), diary.curve)
        record["cost"]["seconds"] = round(time.perf_counter() - clock, 3)


def learn(model: Model, splits: Splits, record: Record, job: Job, tell: Tell) -> Diary:
    """Train the model as its trial says, from its checkpoint where there is one."""
    trial, settings = job.trial, job.settings
    path = checkpoint.path_of(records.path_of(job.results, trial, record["device"]["class"]))
    images = training_images(splits, trial.regime, job.device)
    order = torch.Generator().manual_seed(seed_of(f"order of {trial.dataset} {trial.seed}"))
    course, diary = Course(model, images, settings, order), Diary(model, splits.test, settings.batch, tell)
    if state := _last_checkpoint(path, record, job, tell):
        course.resume(state["course"])
        diary.resume(state["diary"])
    else:
        course.fit()
    kept = time.perf_counter()

    def keep() -> None:
        nonlocal kept
        kept = time.perf_counter()
        try:
            checkpoint.save(path, record, {"course": course.state(), "diary": diary.state()})
        except OSError as error:  # the training is worth more
            tell({"phase": "note", "text": f"no checkpoint could be written ({error.strerror}); training goes on"})

    def after(at: At) -> None:
        diary.after(at)
        if time.perf_counter() - kept >= job.every:
            keep()

    course.run(diary.report, after)
    if diary.seconds >= job.every:  # measuring may be cut off as well
        keep()
    diary.close()
    return diary


def _last_checkpoint(path: Path, record: Record, job: Job, tell: Tell) -> dict[str, Any] | None:
    if job.fresh:
        path.unlink(missing_ok=True)
    try:
        return checkpoint.load(path, record)
    except checkpoint.Spoiled as reason:
        tell({"phase": "note", "text": f"the checkpoint is of no use, since {reason}; trained from the start"})
        return None


def _cost(model: Model, diary: Diary, batch: int) -> dict[str, Any]:
    steps = sum(max(lines["step"]) + 1 for lines in diary.curve.values())
    return {
        "train_seconds": round(diary.seconds, 3),
        "images_per_second": round(steps * batch / diary.seconds, 1) if steps else None,
        "times_resumed": diary.times_resumed,
        "parameters": _count(model),
        "parts": {name: count for name, part in model.named_children() if (count := _count(part))},
    }


def restore(model: Model, path: Path, record: Mapping[str, Any]) -> bool:
    """Give a model the weights stored beside a record; false where they are not those any more, so train again."""
    try:
        content = records.weights_of(path).read_bytes()
    except OSError:
        return False
    if hashlib.sha256(content).hexdigest() != record.get("weights"):
        return False
    model.load_state_dict(load(content))
    model.eval()
    return True


def training_images(splits: Splits, regime: str, device: str = "cpu") -> Images:
    """What the regime lets a model see: the only place where training images are chosen."""
    train, chosen = splits.train, training_rows(splits.train, regime)
    if not len(chosen):
        raise NotApplicable("no healthy image is among the training images that the preset's limit left")
    if len(chosen) * train.images[0].nbytes > RESIDENT_BYTES:
        return Images(torch.from_numpy(train.images), torch.from_numpy(chosen), torch.device(device))
    return Images(torch.from_numpy(train.images[chosen]).to(device))


def shortcuts(splits: Splits) -> dict[str, float]:
    """How well trivial features of the test images separate healthy from diseased."""
    alone, together = shortcut_baselines(splits)
    found = alone if together is None else alone | {"all together": together}
    return {name: round(value, 6) for name, value in found.items()}


def measure(metric: Metric, evidence: Evidence, regime: str) -> dict[str, Any]:
    """A metric's cell of the record: a finite value, or none with the reason. A failing metric takes nothing else."""
    cell: dict[str, Any] = {name: getattr(metric, name) for name in SCORE_FIELDS}
    try:
        if metric.regime == "healthy" and regime != "healthy":
            raise NotApplicable("asked only of models trained on healthy images")
        answer = metric.compute(evidence)
        score = answer if isinstance(answer, Score) else Score(float(answer))
        if not np.isfinite(score.value):
            raise NotApplicable(f"the metric came out as {score.value}")
    except NotApplicable as reason:
        return {**cell, "value": None, "reason": _told(reason)}
    except Exception as error:
        return {**cell, "value": None, "reason": f"failed: {_told(error)}"}
    cell |= {**_numbers(score), "variant": score.variant}
    if parts := {name: _numbers(part) for name, part in score.parts.items() if np.isfinite(part.value)}:
        cell["parts"] = parts
    if metric.primary and len(score.replicates):
        cell["replicates"] = [float(f"{r:.6g}") if np.isfinite(r) else None for r in score.replicates]
    return cell


def _numbers(score: Score) -> dict[str, Any]:
    """NumPy's numbers are none of JSON's."""
    error = float(score.error) if score.error is not None and np.isfinite(score.error) else None
    return {"value": float(score.value), "error": error, "n": int(score.n) if score.n is not None else None}


def seed_of(text: str) -> int:
    """A seed for torch out of a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def peak_memory(device: str) -> int:
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _count(part: torch.nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def _metric(name: str, job: Job) -> Metric:
    metric: Metric = registry().create("metrics", Spec(name), home=job.home)
    return metric


def _flops(evidence: Evidence) -> int | None:
    """Of one reconstruction, multiplications and additions counted apart."""
    image = Images(torch.from_numpy(evidence.split("test").images[:1]))[:]
    with FlopCounterMode(display=False) as counter, torch.no_grad(), suppress(NotApplicable):
        evidence.model.reconstruct(image.to(next(evidence.model.parameters(), image).device))
    return counter.get_total_flops() or None


def _code_size(evidence: Evidence) -> int | None:
    try:
        return int(evidence.codes("test").shape[1])
    except NotApplicable:
        return None


def _kind(error: Exception) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "oom"
    return "nan" if isinstance(error, Diverged) else "exception"


def _told(error: Exception) -> str:
    """The message without paths of this machine: records are made to be published."""
    text = str(error) if isinstance(error, NotApplicable | Diverged) else f"{type(error).__name__}: {error}"
    return provenance.without_paths(text)[:500]
