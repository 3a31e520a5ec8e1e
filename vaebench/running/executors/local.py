"""Run trials on this machine, each in a process forked from a server that has already loaded torch.

On a GPU, a trial frees its slot when it starts to measure: it continues on a CPU core while the next trial trains."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from vaebench.interfaces import Event, Executor
from vaebench.planning.jobs import Job
from vaebench.records.record import Failure, Record
from vaebench.running.claimed import STOPPED, ClaimedKeeper, ClaimedSink
from vaebench.running.claims import Claim, Claims
from vaebench.running.executors.forked import Forked
from vaebench.running.queue import Queue
from vaebench.running.sink import Lost
from vaebench.running.site import Site
from vaebench.running.slots import default_slots

GRACE = 10.0
"""Seconds within which stopped trials may save a checkpoint"""


@dataclass
class Running:
    """A running trial."""

    job: Job
    device: str
    claim: Claim
    worker: Forked
    heard: float
    stepping: bool = False
    """whether training has begun, so that a checkpoint can be saved"""
    measuring: bool = False
    """whether the model is trained and the evidence gathered, so that only CPU cores are needed"""
    hung: bool = False
    orphaned: bool = False
    """whether the fork server was killed, so that the outcome of the trial is unknown"""
    refused: bool = False
    """whether another run turned out to own the trial"""
    record: Record | None = None
    """the trial's record, if the process lived to send it"""

    @property
    def holds_slot(self) -> bool:
        """True if the trial occupies a slot: on a GPU, a trial that is measuring has already left the card."""
        return self.device == "cpu" or not self.measuring


class Local(Executor):
    """Runs trials on this machine, each in a separate process.

    If a trial's process is killed, only that trial fails: the driver writes its record.
    If the fork server is killed, any of the running trials may be the cause. Each of these trials is repeated once,
    while no other trial runs: a trial that kills the server again fails, and the others continue."""

    name = "local"
    version = 2

    def slots(self, devices: Sequence[str]) -> int:
        return default_slots(devices)

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        """Run the jobs in processes on this machine."""
        with Claims(site.sink) as claims:
            yield from self._run(jobs, site, claims, stop_on_failure)

    def _run(self, jobs: Sequence[Job], site: Site, claims: Claims, stop_on_failure: bool) -> Iterator[Event]:
        queue, running, suspects = Queue(jobs, site.sink, claims, site.lingers), list[Running](), set[str]()
        try:
            while queue or running:
                while queue.waiting and (
                    not running if alone(running, queue.waiting[0], suspects) else has_room(site, running)
                ):
                    if taken := (yield from queue.take()):
                        running.append(self._start(*taken, freest(site.devices, running), site))
                wait([handle for one in running for handle in one.worker.handles], timeout=1.0)
                for one in list(running):
                    yield from self._listen(one, site.patience)
                    if not one.worker.ear.closed:
                        continue
                    running.remove(one)
                    if one.orphaned and one.job.trial.id not in suspects and not one.record:
                        suspects.add(one.job.trial.id)
                        queue.waiting.append(replace(one.job, attempt=one.job.attempt + 1))
                        record = None
                    elif not (record := self._record(one, site)):
                        queue.elsewhere.append(one.job)
                    printed = site.sink.keep_output(one.job, one.worker.output.text()) if record else None
                    claims.release(one.job.trial)
                    if record:
                        if stop_on_failure and record.error:
                            queue.clear()
                        yield Event("end", one.job, {"record": record, "output": printed})
                queue.look_again()
        finally:
            let_save(running)
            for left in running:
                left.worker.end()
                if left.claim.holds():
                    site.sink.clear_debris(left.job.trial)

    def _start(self, job: Job, claim: Claim, device: str, site: Site) -> Running:
        return Running(job, device, claim, Forked(work, job, device, site, claim), time.monotonic())

    def _listen(self, one: Running, patience: float) -> Iterator[Event]:
        """Yield the messages of a trial as events; close its pipe when no more messages can follow."""
        alive = not one.worker.ends()  # checked first, so that messages sent before its end are still read
        if one.worker.output.read():
            one.heard = time.monotonic()
        yield from hear(one)
        one.hung = alive and time.monotonic() - one.heard > patience
        if one.hung or not alive:
            one.orphaned = one.worker.orphaned()
            one.worker.end()

    def _record(self, one: Running, site: Site) -> Record | None:
        """Return the worker's record, or a record of why it wrote none; None if the trial is left to another run."""
        from vaebench.running.worker import blank

        job, sink = one.job, site.sink
        if one.refused or not one.claim.holds() or one.worker.process.exitcode == STOPPED:
            return None
        sink.clear_debris(job.trial)
        if found := sink.answer(job) or one.record:
            return found
        if one.hung:
            failure = Failure("timeout", f"no progress for {site.patience:.0f} s")
        elif one.orphaned:
            failure = Failure("signal", "the server that trials are forked from was killed twice during this trial")
        else:
            died = (one.worker.process.exitcode or 0) < 0
            failure = Failure("signal" if died else "exception", one.worker.fate())
        record = blank(job, one.device, "timeout" if one.hung else "failed", failure)
        sink.deliver(job, record)
        return record


def alone(running: Sequence[Running], following: Job, suspects: Collection[str]) -> bool:
    """Return whether one of the running trials, or the next one, must run alone."""
    return any(job.trial.id in suspects for job in (*(one.job for one in running), following))


def has_room(site: Site, running: Sequence[Running]) -> bool:
    """Return whether another trial may start: there must be a free slot, and a core for every process."""
    training = sum(one.holds_slot for one in running)
    return training < site.slots and len(running) < max(site.slots, site.cores)


def freest(devices: Sequence[str], running: Sequence[Running]) -> str:
    """Return the device with the fewest occupied slots."""
    busy = Counter(one.device for one in running if one.holds_slot)
    return min(devices, key=lambda device: busy[device])


def hear(one: Running) -> Iterator[Event]:
    """Yield the unread messages of a trial as events."""
    while True:
        try:
            if not one.worker.ear.poll():
                return
            message = one.worker.ear.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return
        one.heard = time.monotonic()
        one.stepping |= message["phase"] in ("train", "beat")
        one.measuring |= message["phase"] == "measure"
        if message["phase"] == "refused":
            one.refused = True
        elif message["phase"] == "done":
            one.record = message["record"]
        else:
            yield Event("progress", one.job, message)


def let_save(running: Sequence[Running]) -> None:
    """Ask the trials in training to save a checkpoint and end, and wait up to GRACE seconds for them."""
    for one in running:
        list(hear(one))
    training = [one.worker.process for one in running if one.stepping and not one.measuring]
    for process in training:
        process.terminate()
    until = time.monotonic() + GRACE
    for process in training:
        process.join(max(0.0, until - time.monotonic()))


def work(job: Job, device: str, site: Site, claim: Claim, mouth: Connection) -> None:
    """Run a trial; this function is the body of the trial's process."""
    from vaebench.running.worker import perform

    def tell(event: Any) -> None:
        try:
            mouth.send(event)
        except OSError:  # the driver has ended, and so will this process
            os._exit(1)

    sink = ClaimedSink(site.sink.results, site.sink.device_class, claim, job)
    keeper = ClaimedKeeper(site.keeper, sink)
    signal.signal(signal.SIGTERM, lambda *_: keeper.stopping.set())  # a scheduler sends SIGTERM to a job's processes
    try:
        sink.clear_debris(job.trial)
        record = perform(job, site.ready[job.data], device, sink, keeper, tell)
        tell({"phase": "done", "record": record})
    except Lost:
        tell({"phase": "refused"})
    except OSError:  # no record can be written; the driver will fail as well, and report the error once
        os._exit(1)
