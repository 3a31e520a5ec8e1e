"""Part `memory`: measure each model's peak memory on the card in training, with the settings of the preset standard."""

from __future__ import annotations

import gc
from functools import partial
from typing import Any

import torch
from gpu_parts.subjects import Bench, as_a_worker, course_of
from stepping import Drive

from vaebench.judging.cost import peak_memory
from vaebench.trial import Settings


def measure(bench: Bench) -> None:
    settings = bench.settings("standard", steps=40 if bench.tiny else 5000)
    for graphs in bench.eager_and_graphs:
        for name in bench.models():
            what = f"{name}{', graphs' if graphs else ''}"
            bench.sheet.measure(what, partial(_peak, bench, name, settings, graphs), limit=30, needs=1)


def _peak(bench: Bench, name: str, settings: Settings, graphs: bool) -> dict[str, Any]:
    on_card, before = bench.device != "cpu", 0
    if on_card:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()  # memory left allocated by earlier parts
    with as_a_worker(bench.device):
        course = course_of(name, settings, bench.device, graphs)
        if course.model.stages:
            Drive(course, 1 if bench.tiny else 6, 2).run()
    found = {"parameters": sum(parameter.numel() for parameter in course.model.parameters())}
    found["MB"] = round((peak_memory(bench.device) - before) / 1e6)
    if on_card:
        found["MB reserved"] = round(torch.cuda.max_memory_reserved() / 1e6)
    return found
