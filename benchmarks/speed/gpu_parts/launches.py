"""Part `launches`: count the kernel launches and the waits of a training step of each model, and time the step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from gpu_parts.subjects import Bench, as_a_worker, course_of
from stepping import Drive
from torch.profiler import ProfilerActivity, profile, supported_activities

from vaebench.trial import Settings

LAUNCHES = ("cudaLaunch", "cuLaunch")
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")
PROFILED = 3


def measure(bench: Bench) -> None:
    for preset in ("quick",) if bench.tiny else ("standard", "quick"):
        settings = bench.settings(preset, steps=40 if bench.tiny else 5000)
        for graphs in bench.eager_and_graphs:
            for name in bench.models():
                what = f"{name}, {preset}{', graphs' if graphs else ''}"
                bench.sheet.measure(what, partial(_steps, bench, name, settings, graphs), limit=45, needs=1)


def _steps(bench: Bench, name: str, settings: Settings, graphs: bool) -> dict[str, Any]:
    with as_a_worker(bench.device):
        course = course_of(name, settings, bench.device, graphs)
        if not course.model.stages:
            return {"stages": {}}
        warm, counted = (5 if graphs else 1, 2) if bench.tiny else (12, 50)
        stages: dict[str, dict[str, Any]] = {}

        @contextmanager
        def watch(stage: str) -> Iterator[None]:
            with counting(bench.device) as counts:
                yield
            stages[stage] = counts

        seconds = Drive(course, warm, counted, PROFILED).run(watch)
        for stage, each in seconds.items():
            stages.setdefault(stage, {})["ms"] = round(1000 * each, 3)
            if busy := stages[stage].get("kernels ms"):
                stages[stage]["busy"] = round(busy / (1000 * each), 3)
        return {"stages": stages, "batch": settings.batch}


@contextmanager
def counting(device: str) -> Iterator[dict[str, Any]]:
    """Yield a mapping that receives the calls of the CUDA runtime per step; empty if the profiler saw none.

    Waits of the profiler itself, counted once without any steps, are left out."""
    with _profiled(device) as found:
        yield (counts := {})
    rows = found.key_averages()
    calls = {row.key: row.count / PROFILED for row in rows if row.key.startswith("cu")}
    if not calls:
        return
    kernels = [row for row in rows if str(row.device_type).endswith("CUDA")]
    counts["launches"] = sum(n for key, n in calls.items() if key.startswith(LAUNCHES))
    counts["graph launches"] = sum(n for key, n in calls.items() if key.startswith("cudaGraphLaunch"))
    counts["copies"] = sum(n for key, n in calls.items() if key.startswith(("cudaMemcpyAsync", "cudaMemset")))
    waits = sum(row.count for row in rows if row.key in WAITS)
    counts["waits"] = round((waits - _own_waits(device)) / PROFILED, 2)
    counts["kernels"] = sum(row.count for row in kernels) / PROFILED
    counts["kernels ms"] = round(sum(row.self_device_time_total for row in kernels) / 1000 / PROFILED, 3)
    counts["calls"] = {key: round(n, 2) for key, n in calls.items()}


@contextmanager
def _profiled(device: str) -> Iterator[profile]:
    wanted = ProfilerActivity.CPU if device == "cpu" else ProfilerActivity.CUDA  # this includes the runtime's calls
    with profile(activities=[wanted] if wanted in supported_activities() else None, acc_events=True) as found:
        yield found
        if device != "cpu":
            torch.cuda.synchronize()


@cache
def _own_waits(device: str) -> int:
    with _profiled(device) as found:
        pass
    return sum(row.count for row in found.key_averages() if row.key in WAITS)
