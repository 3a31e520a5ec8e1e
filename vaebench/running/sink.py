"""Sinks, to which a worker delivers a trial's record and files, and from which it reads those already stored."""

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
    """Raised if another run has taken over the trial: that run's record counts, and this run must write nothing."""


class Sink(Protocol):
    """The interface through which a worker reads and writes the record and files of a trial."""

    def files(self, trial: Trial) -> Path:
        """Return the folder for a trial's files next to its record; raise Lost if this run may no longer write there.

        The files are weights, pictures, `along.npz` and `error.txt`. Each file must be written atomically
        (`store.write_atomically`), before the record is delivered."""

    def record(self, trial: Trial) -> Record | None:
        """Return the trial's stored record, or None if it is missing or damaged."""

    def weights(self, trial: Trial, most: int) -> bytes | None:
        """Return the trial's stored weights, or None if they are missing or larger than `most` bytes."""

    def deliver(self, job: Job, record: Record) -> None:
        """Store the record atomically.

        A failure never replaces a good record, whether the trial was only to be measured again or another run has
        delivered the record meanwhile."""


@dataclass(frozen=True)
class ResultsSink:
    """A results folder, which several runs may share.

    Each class of device has a separate folder of records, since results are bit-identical only within one class."""

    results: Path
    device_class: str

    def path(self, trial: Trial) -> Path:
        """Return the path of the trial's record, which may not exist yet."""
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
        """Return the record that was delivered since the job was created, or None if the job still has to run."""
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
        """Store a trial's output next to its record. Return the path, or None if there was no output."""
        path = self.files(job.trial) / store.OUTPUT
        with suppress(OSError):  # if the disk is full, writing the record, which matters more, raises the error
            if text.strip():
                store.write_atomically(path, text.encode())
                return path
            if not job.measure_only:  # the output of the training is kept
                path.unlink(missing_ok=True)
        return None

    def clear_debris(self, trial: Trial) -> None:
        """Remove incomplete files left behind by a killed worker of this trial. The caller must hold the claim."""
        store.clear_debris(self.path(trial))
