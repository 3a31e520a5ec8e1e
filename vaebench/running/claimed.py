"""The sink and keeper of a worker, which write nothing once the worker's run has ended or lost its claim."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from vaebench.planning.jobs import Job
from vaebench.records.record import Record
from vaebench.running.claims import Claim
from vaebench.running.keeper import Keeper
from vaebench.running.sink import Lost, ResultsSink
from vaebench.trial import Trial


@dataclass(frozen=True)
class ClaimedSink(ResultsSink):
    """A results folder that accepts the files of a trial only while this run's claim to the trial is valid."""

    claim: Claim
    job: Job

    def check(self) -> None:
        """Raise Lost if another run has claimed or completed the trial."""
        if not self.claim.holds() or self.answer(self.job):
            raise Lost

    def files(self, trial: Trial) -> Path:
        self.check()
        return super().files(trial)

    def deliver(self, job: Job, record: Record) -> None:
        self.check()
        super().deliver(job, record)


STOPPED = 75
"""The exit code of a process that was asked to end and saved a checkpoint"""


@dataclass(frozen=True)
class ClaimedKeeper:
    """A keeper that changes checkpoints only while this run's claim to the trial is valid.

    Once `stopping` is set, a checkpoint is saved after the next training step, and the process ends."""

    keeper: Keeper
    sink: ClaimedSink
    stopping: Event = field(default_factory=Event)

    @property
    def every(self) -> float:
        return 0.0 if self.stopping.is_set() else self.keeper.every

    @property
    def fresh(self) -> bool:
        return self.keeper.fresh

    def save(self, record: Record, state: Mapping[str, Any]) -> None:
        self.sink.check()
        self.keeper.save(record, state)
        if self.stopping.is_set():
            os._exit(STOPPED)

    def load(self, record: Record) -> dict[str, Any] | None:
        self.sink.check()  # in a fresh run, `load` deletes the checkpoint
        return self.keeper.load(record)

    def drop(self, trial: Trial) -> None:
        if self.sink.claim.holds():
            self.keeper.drop(trial)
