"""The outbox of a run whose trials run on other machines: it tracks which trials were sent, returned or lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.records.record import Record, decode
from vaebench.running.claimed import ClaimedKeeper, ClaimedSink
from vaebench.running.claims import Claim, Claims
from vaebench.running.errand import RECORD, Errand, Returned
from vaebench.running.queue import ATTEMPTS, Queue, lost_record
from vaebench.running.sink import Lost
from vaebench.running.site import Site


@dataclass(frozen=True)
class Away:
    """A trial that runs on another machine."""

    job: Job
    claim: Claim


class Outbox:
    """Claims trials for this run, hands out errands and delivers their results; an executor only transports both.

    For every errand that `take` returns, the executor must finally call `returned` or `lost`. The executor must also
    yield the events that these methods yield or return. The outbox is falsy once all trials have records."""

    def __init__(
        self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False, attempts: int = ATTEMPTS
    ) -> None:
        self.site, self.stop_on_failure, self.attempts = site, stop_on_failure, attempts
        self.claims = Claims(site.sink)
        self.queue = Queue(jobs, site.sink, self.claims)
        self.away: dict[str, Away] = {}
        self.again = deque[Job]()

    def __enter__(self) -> Outbox:
        self.claims.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.claims.__exit__(kind, error, trace)

    def __bool__(self) -> bool:
        return bool(self.queue or self.away)

    def take(self) -> Generator[Event, None, Errand | None]:
        """Return the next errand to send, or None if no trial is available now; more may become available later."""
        if self.again:
            return self._errand(self.again.popleft())
        self.queue.look_again()
        for _ in range(len(self.queue.waiting)):
            if taken := (yield from self.queue.take()):
                job, claim = taken
                self.away[job.trial.id] = Away(job, claim)
                return self._errand(job)
        return None

    def told(self, errand: Errand, message: Mapping[str, Any]) -> Event:
        """Return the event for a message that a running trial sent."""
        return Event("progress", errand.job, message)

    def returned(self, errand: Errand, what: Returned) -> Iterator[Event]:
        """Deliver the record and files that a trial returned."""
        job, record = errand.job, decode(what.record)
        away = self.away.pop(job.trial.id)
        sink = ClaimedSink(self.site.sink.results, self.site.sink.device_class, away.claim, job)
        try:
            folder = sink.files(job.trial)
            for name, content in what.files.items():
                store.write_atomically(folder / name, content)
            old = {store.ERROR} if job.measure_only else {store.ERROR, store.OUTPUT}  # from another attempt
            for name in old - what.files.keys():
                (folder / name).unlink(missing_ok=True)
            sink.deliver(job, record)
        except Lost:  # another run has the trial
            self.queue.elsewhere.append(job)
            self.claims.release(job.trial)
            return
        if record.error is None:  # an earlier run may have left a checkpoint here
            ClaimedKeeper(self.site.keeper, sink).drop(job.trial)
        printed = folder / store.OUTPUT if store.OUTPUT in what.files else None
        yield from self._end(job, record, {"output": printed})

    def lost(self, errand: Errand, why: str) -> Iterator[Event]:
        """Send the errand again after its machine was lost or failed; after the last attempt, record the failure."""
        job = errand.job
        if job.attempt < self.attempts:
            text = f"attempt {job.attempt} of {self.attempts} was lost ({why}); the trial will be sent again"
            yield Event("progress", job, {"phase": "note", "text": text})
            self.again.append(replace(job, attempt=job.attempt + 1))
            return
        away = self.away.pop(job.trial.id)
        sink = ClaimedSink(self.site.sink.results, self.site.sink.device_class, away.claim, job)
        why = f"lost in each of {job.attempt} attempts, most recently because {why}"
        record = lost_record(job, sink.device_class, why)
        try:
            sink.deliver(job, record)
        except Lost:
            self.queue.elsewhere.append(job)
            self.claims.release(job.trial)
            return
        yield from self._end(job, record)

    def refused(self, errand: Errand) -> None:
        """Send the errand again after an unfit machine refused it; a refusal does not count as an attempt."""
        self.again.append(errand.job)

    def _end(self, job: Job, record: Record, data: Mapping[str, Any] | None = None) -> Iterator[Event]:
        self.claims.release(job.trial)
        if self.stop_on_failure and record.error:
            self.queue.clear()
        yield Event("end", job, {"record": record, **(data or {})})

    def _errand(self, job: Job) -> Errand:
        keeper, stored = self.site.keeper, dict[str, bytes]()
        if job.measure_only:
            path = self.site.sink.path(job.trial)
            stored[RECORD] = store.read_bounded(path, store.LARGEST, "record", links=True)
            stored[store.WEIGHTS] = store.weights_of(path).read_bytes()
        fresh = keeper.fresh and job.attempt == 1  # a second attempt resumes from the first one's checkpoint
        return Errand(job, self.site.sink.device_class, self.site.patience, keeper.every, fresh, stored)
