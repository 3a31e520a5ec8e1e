"""Contenders timed by turns, so that whatever else the machine does slows all alike."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from statistics import median

import torch

Work = Callable[[], None]


@dataclass(frozen=True)
class Contender:
    """What is timed, in a process of its own."""

    make: Callable[[], Work]
    environment: Mapping[str, str] = field(default_factory=dict)
    """what its process is started with, beside ours"""


def by_turns(contenders: Mapping[str, Contender], rounds: int, device: str = "cpu") -> dict[str, list[float]]:
    """Seconds of each contender in each round, after one that does not count: of its CPU, one thread, or of the wall
    where the work is a GPU's."""
    processes = {name: _start(contender, device) for name, contender in contenders.items()}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(processes)
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            pipe = processes[name][1]
            pipe.send(True)
            seconds = pipe.recv()
            if number:
                spent[name].append(seconds)
    for process, pipe in processes.values():
        pipe.send(False)
        process.join()
    return spent


def times_faster(one: list[float], other: list[float]) -> float:
    """How many times faster `one` was, the median over the rounds."""
    return median(theirs / mine for mine, theirs in zip(one, other, strict=True))


def _start(contender: Contender, device: str) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, contender.make, device))
    before = dict(os.environ)
    os.environ.update(contender.environment)
    process.start()
    os.environ.clear()
    os.environ.update(before)
    theirs.close()
    return process, ours


def _serve(pipe: Connection, make: Callable[[], Work], device: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    work = make()
    while pipe.recv():
        started = _now(device)
        work()
        pipe.send(_now(device) - started)


def _now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
