"""Part `correctness`: train a small trial of every model, and repeat it unchanged, with CUDA graphs, and resumed."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from gpu_parts.subjects import Bench, job_of

from vaebench.records import provenance
from vaebench.records.record import Record
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.sink import ResultsSink
from vaebench.running.worker import perform
from vaebench.trial import Settings

FEW = ("psnr", "ms-ssim", "kid", "anomaly-auroc")
"""The metrics of most trials, whose weights are compared; the trials `first` and `again` have all metrics."""
LIMIT = {"train": 200, "val": 40, "test": 100}


class Cut(BaseException):
    """Raised to interrupt training."""


@dataclass(frozen=True)
class HalfWay(CheckpointKeeper):
    """Writes one checkpoint half-way through the first stage, and then interrupts training."""

    half: int = 0

    def save(self, record: Record, state: Any) -> None:
        if (state["course"]["stage"], state["course"]["step"]) == (0, self.half):
            super().save(record, state)
            raise Cut


def measure(bench: Bench) -> None:
    """Do one round over all models for each check, so that every model has a result for the first check."""
    settings = bench.settings("standard", size=28, steps=40, batch=32, samples=64, limit=LIMIT, model={"width": 8})
    if bench.tiny:
        settings = msgspec.structs.replace(settings, steps=8, metrics=FEW)
    few = msgspec.structs.replace(settings, metrics=FEW)
    graphs = partial(_compare, bench, graphs=True)
    captured = bench.eager_and_graphs[-1]
    rounds: list[tuple[str, Callable[..., dict[str, Any]]]] = [
        ("first", partial(_first, bench, settings)),
        *([("graphs", partial(graphs, "graphs", few, "first"))] if captured else []),
        ("resumed", partial(_compare, bench, "resumed", few, "first", cut=True)),
        ("again", partial(_compare, bench, "again", settings, "first")),
        *([("graphs resumed", partial(graphs, "graphs resumed", few, "graphs", cut=True))] if captured else []),
        *([("graphs again", partial(graphs, "graphs again", few, "graphs"))] if captured else []),
    ]
    for kind, work in rounds:
        for name in bench.models()[:2] if bench.tiny else bench.models():
            bench.sheet.measure(f"{name}: {kind}", partial(work, name=name), limit=60, needs=2)


def _first(bench: Bench, settings: Settings, name: str) -> dict[str, Any]:
    with _warned() as ops:
        record = _trial(bench, "first", name, settings)
    known = [cell for cell in record.metrics.values() if cell.value is not None]
    return _told(record) | {
        "metrics": f"{len(known)} of {len(settings.metrics)}",
        "nondeterministic": sorted(ops),
        "training s": record.cost.get("train_seconds"),
        "measuring s": record.cost.get("measure_seconds"),
    }


def _compare(
    bench: Bench, kind: str, settings: Settings, other: str, name: str, graphs: bool = False, cut: bool = False
) -> dict[str, Any]:
    """Return whether weights, losses and metrics of two versions of a trial are bit-identical."""
    one = _trial(bench, kind, name, settings, graphs, cut)
    job, _ = job_of(name, settings, bench.folder / "cache")
    two = _sink(bench, other).record(job.trial)
    if two is None or two.status != "ok" or one.status != "ok":
        return _told(one) | {"compared": f"not with {other!r}, which has no result" if two is None else ""}
    shared = one.metrics.keys() & two.metrics.keys()
    unlike = sorted(key for key in shared if one.metrics[key].value != two.metrics[key].value)
    return _told(one) | {
        "equal": one.weights == two.weights and one.curve == two.curve and not unlike,
        "weights equal": one.weights == two.weights,
        "losses equal": one.curve == two.curve,
        "metrics that differ": unlike,
        "largest relative difference of a loss": _apart(one.curve, two.curve),
        "times resumed": one.cost.get("times_resumed"),
    }


def _trial(bench: Bench, kind: str, name: str, settings: Settings, graphs: bool = False, cut: bool = False) -> Record:
    job, data = job_of(name, settings, bench.folder / "cache", graphs)
    sink = _sink(bench, kind)
    shutil.rmtree(sink.files(job.trial), ignore_errors=True)
    keeper = CheckpointKeeper(sink.results, sink.device_class, every=float("inf"))
    if cut:
        halfway = HalfWay(sink.results, sink.device_class, every=0.0, half=settings.steps // 2)
        try:
            perform(job, data, bench.device, sink, halfway)
        except Cut:
            if not keeper.path(job.trial).exists():
                raise ValueError("no checkpoint was written") from None
    return perform(job, data, bench.device, sink, keeper)


def _sink(bench: Bench, kind: str) -> ResultsSink:
    folder: Path = bench.folder / "correctness" / kind.replace(" ", "-")
    return ResultsSink(folder, provenance.device_class(bench.device))


def _told(record: Record) -> dict[str, Any]:
    if record.error is None:
        return {"status": record.status}
    return {"status": record.status, "error": f"{record.error.kind}: {record.error.message}"[:500]}


def _apart(one: dict[str, Any], two: dict[str, Any]) -> float | None:
    """Return the largest relative difference between two curves, or None if their steps differ."""
    largest = 0.0
    for stage, lines in one.items():
        for key, values in lines.items():
            others = two.get(stage, {}).get(key, [])
            if len(others) != len(values):
                return None
            for a, b in zip(values, others, strict=True):
                largest = max(largest, abs(a - b) / max(abs(a), abs(b), 1e-12))
    return largest


@contextmanager
def _warned() -> Iterator[set[str]]:
    """Yield a set that receives the operations without a deterministic implementation, as named by torch's warnings."""
    ops: set[str] = set()
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield ops
        for one in caught:
            text = str(one.message)
            if "determinis" in text:
                found = re.match(r"(\S+) does not have a deterministic|Deterministic behavior was enabled", text)
                ops.add((found.group(1) if found and found.group(1) else text.split(".")[0])[:120])
    finally:
        torch.set_warn_always(always)
