"""A sink: where a worker delivers a record with its files, and finds what is stored of a trial already."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.training import weights
from vaebench.trial import Trial


class Lost(Exception):
    """Somebody else has the trial by now, and their record counts; nothing more of it may be written."""


class Sink(Protocol):
    """What a worker needs."""

    def files(self, trial: Trial) -> Path:
        """The folder for what a trial leaves beside its record (weights, pictures, `along.npz`, `error.txt`). Each file
        is written at once or not at all (`store.write_atomically`), before the record is delivered. Lost if it may
        not be."""

    def record(self, trial: Trial) -> Record | None:
        """The trial's stored record; None where there is none, or it is spoilt."""

    def weights(self, trial: Trial, most: int) -> bytes | None:
        """The trial's stored weights; None where there are none, or more than `most` bytes."""

    def deliver(self, job: Job, record: Record) -> None:
        """Keep the record, all or nothing. A failure takes nothing from a good record: neither from one whose metrics
        alone were asked for, nor from one that somebody else delivered meanwhile."""


@dataclass(frozen=True)
class ResultsSink:
    """A results folder, which several runs may share. Records lie by class of device, since numbers repeat to the bit
    within one class only."""

    results: Path
    device_class: str

    def path(self, trial: Trial) -> Path:
        """Where the trial's record is, or will be."""
        return store.path_of(self.results, trial, self.device_class)

    def files(self, trial: Trial) -> Path:
        return store.artifacts_of(self.path(trial))

    def record(self, trial: Trial) -> Record | None:
        try:
            return store.read(self.path(trial))
        except BadRecord:
            return None

    def weights(self, trial: Trial, most: int) -> bytes | None:
        return weights.beside(self.path(trial), most)

    def answer(self, job: Job) -> Record | None:
        """The record that somebody delivered since the job was made; None where it is still to do."""
        if store.digest_of(self.path(job.trial)) == job.replaces:
            return None
        return self.record(job.trial)

    def deliver(self, job: Job, record: Record) -> None:
        if record.status != "ok":
            other = self.answer(job)
            if job.measure_only or (other and other.status == "ok"):
                return
        store.write(self.path(job.trial), record)

    def keep_output(self, job: Job, text: str) -> Path | None:
        """Keep what a trial printed beside its record. Return where; None if it printed nothing."""
        path = self.files(job.trial) / store.OUTPUT
        with suppress(OSError):  # the record is worth more, and says itself if the disk is full
            if text.strip():
                store.write_atomically(path, text.encode())
                return path
            if not job.measure_only:  # what the training printed stays
                path.unlink(missing_ok=True)
        return None

    def clear_debris(self, trial: Trial) -> None:
        """Remove what a killed worker of this trial left half written. Its claim must be held."""
        store.clear_debris(self.path(trial))
