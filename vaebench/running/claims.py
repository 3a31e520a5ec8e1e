"""Claims: two runs in one results folder share its trials. A claim is a lock on a file, so it ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from vaebench.planning.jobs import Job
from vaebench.records import provenance, store
from vaebench.records.record import BadRecord, Record


@contextmanager
def claim(job: Job) -> Iterator[bool]:
    """Whether the trial is this process's to do; if so, for as long as this lasts."""
    folder = store.folder_of(job.results, job.trial) / ".runs" / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{provenance.device_class(job.device)}-{job.trial.id}")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def taken(job: Job) -> bool:
    """Whether another process is at this trial."""
    with claim(job) as mine:
        return not mine


def answered(job: Job) -> Record | None:
    """The record that somebody wrote since this trial was planned."""
    path = store.path_of(job.results, job.trial, provenance.device_class(job.device))
    if store.written(path) == job.before:
        return None
    try:
        return store.read(path)
    except BadRecord:  # spoiled, so it is still to do
        return None
