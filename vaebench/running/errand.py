"""Errands: trials that run on another machine, with the data sent there and the results sent back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from vaebench.data.by_digest import fetched
from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.records.record import dumps, to_json
from vaebench.running import scratch
from vaebench.running.executors.local import Local
from vaebench.running.fitness import Unfit, check_fitness
from vaebench.running.keeper import keeper_at
from vaebench.running.sink import ResultsSink
from vaebench.running.site import Site


@dataclass(frozen=True)
class Errand:
    """A job with everything else that another machine needs to run it. Errands can be pickled and sent anywhere."""

    job: Job
    device_class: str
    """class of the device for which the run was planned"""
    patience: float
    every: float
    """Seconds of training between checkpoints"""
    fresh: bool = False
    """Whether to train from the start even if there is a checkpoint"""
    stored: Mapping[str, bytes] = field(default_factory=dict)
    """The record and weights, by name, of a trial that is only measured again"""


@dataclass(frozen=True)
class Returned:
    """The record and files that a trial produced."""

    record: bytes
    files: Mapping[str, bytes]
    """the files stored next to the record, by name"""

    def __post_init__(self) -> None:
        for name in self.files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} is not a path below the folder of a record's files")


RECORD = "record.json"


def fulfil(
    errand: Errand, fetch: Callable[[Path], None], keep: str | Path | None = None
) -> Iterator[Mapping[str, Any] | Returned]:
    """Run the errand on this machine. Yield the trial's messages while it runs, and finally its results.

    `fetch` copies the files of the prepared data to the folder that it is given, and is called only if this machine
    lacks the data. Checkpoints are written to `keep` (a folder or URL); without `keep`, they are deleted when the
    process ends. If this machine cannot run the trial, Unfit is raised with the reason."""
    job, device = errand.job, "cpu" if errand.device_class == "cpu" else "cuda:0"
    check_fitness(job, device, errand.device_class)
    results = Path(tempfile.mkdtemp(prefix="trial-", dir=scratch.folder()))
    try:
        try:
            keeper = keeper_at(str(keep or ""), results, errand.device_class, errand.every, errand.fresh)
        except ValueError as error:
            raise Unfit(str(error)) from error
        data = fetched(job.data, fetch)
        sink = ResultsSink(results, errand.device_class)
        for name, content in errand.stored.items():
            path = sink.path(job.trial) if name == RECORD else sink.files(job.trial) / name
            store.write_atomically(path, content)
        here = Site({job.data: data}, sink, keeper, (device,), patience=errand.patience)
        record = None
        for event in Local().run([job], here):
            if event.kind == "progress":
                yield event.data
            elif event.kind == "end":
                record = event.data["record"]
        assert record is not None, "the local executor ends every job with a record"
        yield Returned(dumps(to_json(record)).encode(errors="replace"), dict(_left(sink.path(job.trial), errand)))
    finally:
        shutil.rmtree(results, ignore_errors=True)


def _left(record: Path, errand: Errand) -> Iterator[tuple[str, bytes]]:
    """Yield the files next to a record, by name, except those that were sent with the errand."""
    for name, path in store.files_beside(record):
        content = path.read_bytes()
        if errand.stored.get(name) != content:
            yield name, content
