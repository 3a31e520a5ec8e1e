"""The queue of a run: the trials that are still to do. Other runs in the same results folder may do some of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable

from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.records.record import Device, Failure, Record
from vaebench.running.claims import Claim, Claims
from vaebench.running.sink import ResultsSink

ATTEMPTS = 3
"""How often a trial is tried, if its machine is lost each time."""


class Queue:
    """Jobs in order. Those whose trials another run has claimed are looked at again at the end: by then each is done,
    or free. A queue that does not linger leaves them to the other run as soon as it is seen to be alive."""

    def __init__(self, jobs: Iterable[Job], sink: ResultsSink, claims: Claims, lingers: bool = True) -> None:
        self.waiting, self.elsewhere = deque(jobs), list[Job]()
        self.sink, self.claims, self.lingers = sink, claims, lingers
        self._told = set[str]()

    def __bool__(self) -> bool:
        return bool(self.waiting or self.elsewhere)

    def take(self) -> Generator[Event, None, tuple[Job, Claim] | None]:
        """Claim the first trial that waits. None if it is done or somebody else has it; the events say which."""
        job = self.waiting.popleft()
        claim = None if self.sink.answer(job) else self.claims.take(job.trial)
        if record := self.sink.answer(job):  # somebody may have delivered it before it could be claimed
            self.claims.release(job.trial)
            yield Event("end", job, {"record": record})
            return None
        if claim and claim.lease.attempt > ATTEMPTS:
            record = lost_record(job, self.sink.device_class, f"whoever claimed it died in each of {ATTEMPTS} attempts")
            self.sink.deliver(job, record)
            self.claims.release(job.trial)
            yield Event("end", job, {"record": record})
            return None
        if claim:
            yield Event("start", job)
            return job, claim
        self.elsewhere.append(job)
        if job.trial.id not in self._told:
            self._told.add(job.trial.id)
            yield Event("progress", job, {"phase": "elsewhere"})
        return None

    def look_again(self) -> None:
        """Once nothing waits any more, have the trials of other runs wait."""
        if not self.waiting:
            left = set() if self.lingers else self.claims.alive
            self.waiting.extend(job for job in self.elsewhere if job.trial.id not in left)
            self.elsewhere.clear()

    def clear(self) -> None:
        """Do no more."""
        self.waiting.clear()
        self.elsewhere.clear()


def lost_record(job: Job, device_class: str, why: str) -> Record:
    """The record of a trial that nobody could end. Which device it was on is not known."""
    from vaebench.running.worker import blank

    record = blank(job, "cpu", "failed", Failure("lost", why[:500]))
    record.device = Device(kind=device_class)
    return record
