"""The trials that run on a cluster; each is a Ray task that yields the messages of its trial."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vaebench.executing import Errand, Returned, files_of
from vaebench_ray import node
from vaebench_ray.cluster import Cluster

CHUNK = 2**26
"""The maximum number of bytes of a file that one object in Ray's store contains."""
GOODBYE = 15.0
"""The time that stopped trials have to write a checkpoint, in seconds."""
LABEL = "ray.io/node-id"


@dataclass(frozen=True)
class Gone:
    """The failure of a task and the reason for it, usually the loss of the node."""

    why: str


Said = Mapping[str, Any] | Returned | Gone
"""A message from a task: a message of its trial, the results of the trial, or the failure of the task."""


@dataclass
class Tasks:
    """The tasks that were sent to a cluster and have not ended."""

    cluster: Cluster
    keep: str
    running: dict[Any, Errand] = field(default_factory=dict)
    data: dict[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    """digest of prepared data -> file -> the file's parts in the object store"""
    waiting: bool = False
    """whether it has been reported that no node has room"""

    def __post_init__(self) -> None:
        ray, need = self.cluster.ray, self.cluster.need
        ray.cloudpickle.register_pickle_by_value(node)
        # Processes are reused, because loading torch takes long; by default, Ray does not reuse processes with a GPU.
        given = {"num_returns": "streaming", "max_calls": 0, "max_retries": 0}
        self._work = ray.remote(num_cpus=need["CPU"], num_gpus=need["GPU"], **given)(node.work)

    def send(self, errand: Errand, ready: Path) -> None:
        """Submit an errand (a trial packed to run on another machine) with its prepared data, which are in the folder
        `ready`. Ray runs the errand on the first node that has room."""
        digest, unfit = errand.job.data, self.cluster.unfit
        if digest not in self.data:
            self.data[digest] = {file.name: list(_put(self.cluster.ray, file)) for file in files_of(ready)}
        work = self._work.options(label_selector={LABEL: f"!in({','.join(unfit)})"}) if unfit else self._work
        self.running[work.remote(pickle.dumps(errand), self.data[digest], self.keep)] = errand

    def hear(self) -> Iterator[tuple[Errand, Said]]:
        """Yield messages of the tasks, at most one per task; wait up to a second for the first message."""
        if not self.running:  # other runs have claimed the remaining trials
            time.sleep(1.0)
            return
        before, self.waiting = self.waiting, not self.cluster.room()
        if self.waiting and not before:
            needed = " and ".join(f"{amount:g} {name}" for name, amount in self.cluster.need.items() if amount)
            text = f"it waits for a suitable node with {needed}"
            yield next(iter(self.running.values())), {"phase": "note", "text": text}
        ray = self.cluster.ray
        ready, _ = ray.wait(list(self.running), num_returns=1, timeout=1.0)
        if ready:
            ready, _ = ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        for task in ready:
            errand = self.running[task]
            try:
                said = ray.get(next(task))
            except StopIteration:
                said = Gone("its task ended without a result")
            except Exception as error:
                said = Gone(_words(error))
            if isinstance(said, Returned | Gone) or said["phase"] == "unfit":
                del self.running[task]
            yield errand, said

    def stop(self) -> None:
        """Ask all tasks to end, wait up to `GOODBYE` seconds, and kill the tasks that still run."""
        ray = self.cluster.ray
        ends = {task.completed(): task for task in self.running}
        self.running.clear()
        for task in ends.values():
            ray.cancel(task)
        with suppress(KeyboardInterrupt):  # a second Ctrl-C ends the wait
            _, left = ray.wait(list(ends), num_returns=len(ends), timeout=GOODBYE) if ends else ([], [])
            for end in left:
                ray.cancel(ends[end], force=True)


def _put(ray: Any, file: Path) -> Iterator[Any]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            yield ray.put(np.frombuffer(chunk, np.uint8))


def _words(error: Exception) -> str:
    """Return an error of Ray in one line, without the traceback that errors raised on a node include."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {next(iter(str(cause).strip().splitlines()), 'no reason given')}"
