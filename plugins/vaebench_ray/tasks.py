"""Trials at work on a cluster, each a task of Ray that yields what the trial tells."""

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
"""Bytes of a file in one object of the store."""
GOODBYE = 15.0
"""Seconds in which trials that are stopped may leave a checkpoint."""
LABEL = "ray.io/node-id"


@dataclass(frozen=True)
class Gone:
    """A task that failed, and why: as a rule its node is lost."""

    why: str


Said = Mapping[str, Any] | Returned | Gone
"""A word of a task: what its trial tells, what it left, or that nothing more comes."""


@dataclass
class Tasks:
    """What was sent to a cluster, and has not ended."""

    cluster: Cluster
    keep: str
    running: dict[Any, Errand] = field(default_factory=dict)
    data: dict[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    """digest -> file -> its parts in the object store"""
    waiting: bool = False
    """whether it was told that no node has room"""

    def __post_init__(self) -> None:
        ray, need = self.cluster.ray, self.cluster.need
        ray.cloudpickle.register_pickle_by_value(node)
        # Processes are used again, also those with a GPU, for which Ray would start new ones: loading torch takes long.
        given = {"num_returns": "streaming", "max_calls": 0, "max_retries": 0}
        self._work = ray.remote(num_cpus=need["CPU"], num_gpus=need["GPU"], **given)(node.work)

    def send(self, errand: Errand, ready: Path) -> None:
        """Send an errand, whose data lie ready in a folder, to whichever node has room first."""
        digest, unfit = errand.job.data, self.cluster.unfit
        if digest not in self.data:
            self.data[digest] = {file.name: list(_put(self.cluster.ray, file)) for file in files_of(ready)}
        work = self._work.options(label_selector={LABEL: f"!in({','.join(unfit)})"}) if unfit else self._work
        self.running[work.remote(pickle.dumps(errand), self.data[digest], self.keep)] = errand

    def hear(self) -> Iterator[tuple[Errand, Said]]:
        """What the tasks have to say: at most one word of each, waited for a moment."""
        if not self.running:  # other runs have the rest
            time.sleep(1.0)
            return
        before, self.waiting = self.waiting, not self.cluster.room()
        if self.waiting and not before:
            needed = " and ".join(f"{amount:g} {name}" for name, amount in self.cluster.need.items() if amount)
            text = f"it waits for a node with {needed} that is fit"
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
                said = Gone("its task ended without a word")
            except Exception as error:
                said = Gone(_words(error))
            if isinstance(said, Returned | Gone) or said["phase"] == "unfit":
                del self.running[task]
            yield errand, said

    def stop(self) -> None:
        """Ask all tasks to end, wait a little while they do, and end the others."""
        ray = self.cluster.ray
        ends = {task.completed(): task for task in self.running}
        self.running.clear()
        for task in ends.values():
            ray.cancel(task)
        with suppress(KeyboardInterrupt):  # once more Ctrl-C: they end without being waited for
            _, left = ray.wait(list(ends), num_returns=len(ends), timeout=GOODBYE) if ends else ([], [])
            for end in left:
                ray.cancel(ends[end], force=True)


def _put(ray: Any, file: Path) -> Iterator[Any]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            yield ray.put(np.frombuffer(chunk, np.uint8))


def _words(error: Exception) -> str:
    """An error of Ray in a line; what was raised on the node comes with its whole traceback."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {next(iter(str(cause).strip().splitlines()), 'no reason given')}"
