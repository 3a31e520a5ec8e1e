"""An errand: a trial that is done on another machine, what is sent along with it, and what comes back."""

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
    """A job, and what its machine must know beside it. It can be pickled, and means the same everywhere."""

    job: Job
    device_class: str
    """of the device that the run was planned for"""
    patience: float
    every: float
    """Seconds of training between checkpoints"""
    fresh: bool = False
    """Whether to start from nothing though there is a checkpoint"""
    stored: Mapping[str, bytes] = field(default_factory=dict)
    """Of a trial that is only measured again: its record and weights, by name"""


@dataclass(frozen=True)
class Returned:
    """What a trial left behind."""

    record: bytes
    files: Mapping[str, bytes]
    """what lies beside a record, by name"""

    def __post_init__(self) -> None:
        for name in self.files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} names no file beside a record")


RECORD = "record.json"


def fulfil(
    errand: Errand, fetch: Callable[[Path], None], keep: str | Path | None = None
) -> Iterator[Mapping[str, Any] | Returned]:
    """Do the errand on this machine. Yields what the trial tells while it works, and last what it left.

    `fetch` is given a folder to put the files of the ready data into, unless this machine has them. Checkpoints go to
    `keep`, a folder or a URL, and end with this process if there is none. Unfit says why this machine cannot do it."""
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
        yield Returned(dumps(to_json(record)).encode(errors="replace"), dict(_left(sink.files(job.trial), errand)))
    finally:
        shutil.rmtree(results, ignore_errors=True)


def _left(folder: Path, errand: Errand) -> Iterator[tuple[str, bytes]]:
    """The files beside a record, by name; not those that were sent along."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith(".") and name != "checkpoint":
            content = path.read_bytes()
            if errand.stored.get(name) != content:
                yield name, content
