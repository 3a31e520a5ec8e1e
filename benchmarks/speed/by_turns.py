"""Time contenders in turns, so that other work on the machine slows all of them equally."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from statistics import median

import torch
from stepping import now

Work = Callable[[], float | None]
"""The work of one turn, which returns the seconds to count, or None to count the whole turn."""


@dataclass(frozen=True)
class Contender:
    """A piece of work to be timed.

    On a CPU, the work runs in a separate process, which reads its environment variables when it starts. On a GPU, the
    work runs in this process, because a new process takes seconds to initialise the GPU."""

    make: Callable[[], Work]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the contender's process, in addition to those of this process."""


def by_turns(contenders: Mapping[str, Contender], rounds: int, device: str = "cpu") -> dict[str, list[float]]:
    """Return the seconds of each contender in each round after the first.

    Seconds are CPU seconds of one thread or, for work on a GPU, wall-clock seconds."""
    if device != "cpu":
        return take_turns(
            {name: partial(timed, contender.make(), device) for name, contender in contenders.items()}, rounds
        )
    processes = {name: _start(contender, device) for name, contender in contenders.items()}
    spent = take_turns({name: partial(_ask, pipe) for name, (_, pipe) in processes.items()}, rounds)
    for process, pipe in processes.values():
        pipe.send(False)
        process.join()
    return spent


def take_turns(turns: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return the results of each contender in all rounds but the first. The order rotates from round to round."""
    spent: dict[str, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds = turns[name]()
            if number:
                spent[name].append(seconds)
    return spent


def timed(work: Work, device: str) -> float:
    started = now(device)
    counted = work()
    return now(device) - started if counted is None else counted


def times_faster(one: list[float], other: list[float]) -> float:
    """Return how many times faster `one` was than `other`, as the median over the rounds."""
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


def _ask(pipe: Connection) -> float:
    pipe.send(True)
    seconds: float = pipe.recv()
    return seconds


def _serve(pipe: Connection, make: Callable[[], Work], device: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    work = make()
    while pipe.recv():
        pipe.send(timed(work, device))
