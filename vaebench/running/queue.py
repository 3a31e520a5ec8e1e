"""The queue of a run: the trials that remain. Some may be completed by other runs in the same results folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable

from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.records.record import Device, Failure, Record
from vaebench.running.claims import Claim, Claims
from vaebench.running.sink import ResultsSink

ATTEMPTS = 3
"""The maximum number of attempts at a trial whose machine is lost each time"""


class Queue:
    """The remaining jobs, in the order in which they run.

    Trials claimed by another run are rechecked at the end, when each is either done or free. With `lingers=False`, the
    queue drops such trials as soon as the other run proves to be alive."""

    def __init__(self, jobs: Iterable[Job], sink: ResultsSink, claims: Claims, lingers: bool = True) -> None:
        self.waiting, self.elsewhere = deque(jobs), list[Job]()
        self.sink, self.claims, self.lingers = sink, claims, lingers
        self._told = set[str]()

    def __bool__(self) -> bool:
        return bool(self.waiting or self.elsewhere)

    def take(self) -> Generator[Event, None, tuple[Job, Claim] | None]:
        """Claim the first waiting trial, or return None if it is done or taken by another run; events report this."""
        job = self.waiting.popleft()
        claim = None if self.sink.answer(job) else self.claims.take(job.trial)
        if record := self.sink.answer(job):  # another run may have delivered a record first
            self.claims.release(job.trial)
            yield Event("end", job, {"record": record})
            return None
        if claim and claim.lease.attempt > ATTEMPTS:
            record = lost_record(job, self.sink.device_class, f"its process died in each of {ATTEMPTS} attempts")
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
        """If no trial is waiting any more, put the trials that other runs had claimed back into the queue."""
        if not self.waiting:
            left = set() if self.lingers else self.claims.alive
            self.waiting.extend(job for job in self.elsewhere if job.trial.id not in left)
            self.elsewhere.clear()

    def clear(self) -> None:
        """Remove all remaining trials."""
        self.waiting.clear()
        self.elsewhere.clear()


def lost_record(job: Job, device_class: str, why: str) -> Record:
    """Return the record of a trial that was lost in every attempt and whose device is unknown."""
    from vaebench.running.worker import blank

    record = blank(job, "cpu", "failed", Failure("lost", why[:500]))
    record.device = Device(kind=device_class)
    return record
