"""Part `trials`: the time of the preset `standard` of the suite `medical`, projected from shorter trials."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from gpu_parts.slots import best
from gpu_parts.subjects import Bench
from gpu_parts.sweeps import sweep

from vaebench.components.discovery import installed
from vaebench.planning.suite import Suite, find

STEPS = 500
SUITE = """name = "medical"
version = 1
title = "The preset standard with fewer steps"
datasets = {datasets}
models = {models}
metrics = {metrics}
regimes = ["all"]

[presets.standard]
size = {size}
steps = {steps}
batch = {batch}
seeds = [0]
samples = {samples}
limit = {{ train = {train}, val = {val}, test = {test} }}
model = {{ width = {width} }}
"""


def measure(bench: Bench) -> None:
    slots = best(bench)
    seconds = bench.sheet.seconds(60.0, 150.0)
    work = partial(_project, bench, slots, seconds)
    bench.sheet.measure("standard", work, limit=seconds + 25, needs=0 if bench.tiny else 40)


def _project(bench: Bench, slots: int, seconds: float) -> dict[str, Any]:
    suite = find("medical", installed())
    steps = 4 if bench.tiny else STEPS
    path = _short(bench, suite, steps)
    arguments = ["--suite", str(path), "--preset", "standard", "-j", str(slots), *bench.graphs_flag]
    found = sweep(bench, "trials", arguments, seconds)
    preset = suite.presets["standard"]
    each = {name: _whole(costs, preset.settings.steps / steps) for name, costs in found.get("models", {}).items()}
    if not each:
        return found | {"error": "no trial ended in time"}
    slowest = max(each.values())  # models that were not measured in time are the slow ones
    trials = len(preset.datasets) * len(preset.regimes) * len(preset.seeds)
    hours = sum(each.get(name, slowest) for name in preset.models) * trials / slots / 3600
    return found | {
        "steps": steps,
        "slots": slots,
        "seconds of a whole trial": {name: round(spent, 1) for name, spent in each.items()},
        "models not measured": [name for name in preset.models if name not in each],
        "hours of the suite": round(hours, 2),
        "trials of the suite": trials * len(preset.models),
    }


def _whole(costs: dict[str, float], factor: float) -> float:
    """Scale training time by the number of steps. The start-up is also scaled, so the result is slightly too large."""
    longer = costs["train_seconds"] * (factor if costs.get("images_per_second") else 1.0)
    return longer + costs["seconds"] - costs["train_seconds"]


def _short(bench: Bench, suite: Suite, steps: int) -> Path:
    settings = bench.settings("standard", steps=steps)
    models = ["vae"] if bench.tiny else list(suite.presets["standard"].models)
    metrics = ["psnr"] if bench.tiny else list(settings.metrics)
    path = bench.folder / "short" / "medical.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        SUITE.format(
            datasets=_listed(suite.presets["standard"].datasets), models=_listed(models), metrics=_listed(metrics),
            size=settings.size, steps=settings.steps, batch=settings.batch, samples=settings.samples,
            width=settings.model["width"], **settings.limit,
        )
    )  # fmt: skip
    return path


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
