"""Contenders timed by turns, so that whatever else the machine does slows all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch


def by_turns(contenders: Mapping[str, Callable[[], None]], rounds: int, device: str = "cpu") -> dict[str, list[float]]:
    """Seconds of each contender in each round, after one that does not count: of its CPU, one thread, or of the wall
    where the work is a GPU's."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            started = _now(device)
            work()
            if number:
                spent[name].append(_now(device) - started)
    return spent


def times_faster(one: list[float], other: list[float]) -> float:
    """How many times faster `one` was, the median over the rounds."""
    return median(theirs / mine for mine, theirs in zip(one, other, strict=True))


def _now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
