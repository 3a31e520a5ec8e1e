"""Watch trials that pilots run, through their leases and records in the shared results folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress

from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.running import claims
from vaebench.running.sink import ResultsSink
from vaebench.training import checkpoint


class Watched:
    """Watches the jobs of one track. `pending` contains the jobs that have not ended."""

    def __init__(self, jobs: Sequence[Job], sink: ResultsSink) -> None:
        self.sink, self.pending = sink, {job.trial.id: job for job in jobs}
        self.track = store.folder_of(sink.results, jobs[0].trial)
        self._started, self._stamps, self._looked = set[str](), dict[str, int](), False

    def look(self, last: bool = False) -> Iterator[Event]:
        """Yield the events since the last look; the first look also finds trials that ended earlier.

        A trial has ended once its record exists and its claim is released: by then its output is stored next to the
        record. The `last` look does not require the release, since all pilots have ended."""
        changed = list(self._changed())
        held = {trial for trial, _ in claims.leases(self.track)}  # read after the records
        for trial in sorted(held & self.pending.keys() - self._started):
            self._started.add(trial)
            yield Event("start", self.pending[trial])
        for job, stamp in changed:
            if job.trial.id in held and self._looked and not last:
                continue
            self._stamps[job.trial.id] = stamp
            record = self.sink.answer(job)
            if record is None:
                continue
            if self._looked and job.trial.id not in self._started:
                yield Event("start", job)  # the trial started and ended between two looks
            del self.pending[job.trial.id]
            output = self.sink.files(job.trial) / store.OUTPUT
            yield Event("end", job, {"record": record, "output": output if output.exists() else None})
        self._looked = True

    def tries(self) -> frozenset[tuple[str, int, int]]:
        """Return each pending trial with its number of claims and the time of its checkpoint.

        The result changes whenever a pilot makes progress."""
        leases = {trial: lease.attempt for trial, lease in claims.leases(self.track)}
        return frozenset((id_, leases.get(id_, 0), self._kept(job)) for id_, job in self.pending.items())

    def _kept(self, job: Job) -> int:
        try:
            return checkpoint.path_of(self.sink.path(job.trial)).stat().st_mtime_ns
        except OSError:
            return 0

    def _changed(self) -> Iterator[tuple[Job, int]]:
        """Yield the pending jobs whose record is new or has changed, and the time when it was written."""
        folders = defaultdict(list)
        for job in self.pending.values():
            path = self.sink.path(job.trial)
            folders[path.parent].append((path.name, job))
        for folder, jobs in folders.items():
            with suppress(FileNotFoundError):
                entries = {entry.name: entry for entry in os.scandir(folder)}
                for name, job in jobs:
                    stamp = entries[name].stat().st_mtime_ns if name in entries else None
                    if stamp is not None and stamp != self._stamps.get(job.trial.id):
                        yield job, stamp
