"""Claims: two runs in one results folder share its trials. A claim is a lock on a file, so it ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from vaebench.records import store
from vaebench.running.sink import ResultsSink
from vaebench.trial import Trial


@contextmanager
def claim(sink: ResultsSink, trial: Trial) -> Iterator[bool]:
    """Whether the trial is this process's to do; if so, for as long as this lasts."""
    folder = store.folder_of(sink.results, trial) / ".runs" / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{sink.device_class}-{trial.id}")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def taken(sink: ResultsSink, trial: Trial) -> bool:
    """Whether another process is at this trial."""
    with claim(sink, trial) as mine:
        return not mine
