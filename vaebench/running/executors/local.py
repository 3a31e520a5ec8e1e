"""Trials on this machine: one process each, forked from a server that has torch loaded already."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from vaebench.interfaces import Event, Executor
from vaebench.planning.jobs import Job
from vaebench.records.record import Failure, Record
from vaebench.running.claims import claim, taken
from vaebench.running.site import Site
from vaebench.training import devices

STALL = 900.0
"""Seconds without a word from a trial after which it counts as hung. A training step and a metric are a word each."""


@dataclass
class Running:
    """A trial at work."""

    job: Job
    device: str
    process: BaseProcess
    ear: Connection
    heard: float
    hung: bool = False
    refused: bool = False
    """whether another run turned out to have it"""
    record: Record | None = None
    """what it came to, if the process lived to say so"""


class Local(Executor):
    """Whatever kills a trial's process costs that trial alone: the driver writes the record it could not write.

    A trial that another run is at is left to it and looked at again at the end: by then it is done, or free."""

    name = "local"
    version = 2

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        context = server()
        waiting, running, elsewhere, told = deque(jobs), list[Running](), list[Job](), set[str]()
        try:
            while waiting or running or elsewhere:
                while waiting and len(running) < site.slots:
                    job = waiting.popleft()
                    if record := site.sink.answer(job):
                        yield Event("end", job, {"record": record})
                    elif not taken(site.sink, job.trial):
                        running.append(self._start(context, job, freest(site.devices, running), site))
                        yield Event("start", job)
                    else:
                        elsewhere.append(job)
                        if job.trial.id not in told:
                            told.add(job.trial.id)
                            yield Event("progress", job, {"phase": "elsewhere"})
                wait([handle for one in running for handle in (one.ear, one.process.sentinel)], timeout=1.0)
                for one in list(running):
                    yield from self._listen(one)
                    if not one.ear.closed:
                        continue
                    running.remove(one)
                    if record := self._record(one, site):
                        if stop_on_failure and record.error:
                            waiting.clear()
                            elsewhere.clear()
                        yield Event("end", one.job, {"record": record})
                    else:
                        elsewhere.append(one.job)
                if not waiting:
                    waiting.extend(elsewhere)
                    elsewhere.clear()
        finally:
            for left in running:
                left.process.kill()
                left.process.join()
                with claim(site.sink, left.job.trial) as mine:
                    if mine:
                        site.sink.clear_debris(left.job.trial)

    def _start(self, context: Any, job: Job, device: str, site: Site) -> Running:
        ear, mouth = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(job, device, site, mouth), daemon=True)
        process.start()
        mouth.close()
        return Running(job, device, process, ear, time.monotonic())

    def _listen(self, one: Running) -> Iterator[Event]:
        """What a trial tells; when nothing more can come, its pipe is closed."""
        alive = one.process.is_alive()  # asked first: what it said before it ended is heard
        while True:
            try:
                if not one.ear.poll():
                    break
                message = one.ear.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                break
            one.heard = time.monotonic()
            if message["phase"] == "refused":
                one.refused = True
            elif message["phase"] == "done":
                one.record = message["record"]
            else:
                yield Event("progress", one.job, message)
        one.hung = alive and time.monotonic() - one.heard > STALL
        if one.hung or not alive:
            one.process.kill()
            one.process.join()
            one.ear.close()

    def _record(self, one: Running, site: Site) -> Record | None:
        """The record the worker wrote, or the one that says why it could not; none where another run has the trial."""
        from vaebench.running.worker import blank

        job, sink, code = one.job, site.sink, one.process.exitcode or 0
        with claim(sink, job.trial) as mine:
            if one.refused or not mine:
                return None
            sink.clear_debris(job.trial)
            if found := sink.answer(job) or one.record:
                return found
            if one.hung:
                failure = Failure("timeout", f"no progress for {STALL:.0f} s")
            elif code < 0:
                cause = " (out of memory, or killed by hand)" if -code == signal.SIGKILL else ""
                name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
                failure = Failure("signal", f"the process died of {name}{cause}")
            else:
                failure = Failure("exception", f"the process ended with exit code {code}")
            record = blank(job, one.device, "timeout" if one.hung else "failed", failure)
            sink.deliver(job, record)
            return record


def freest(devices: Sequence[str], running: Sequence[Running]) -> str:
    """The device where the fewest trials run."""
    busy = Counter(one.device for one in running)
    return min(devices, key=lambda device: busy[device])


def server() -> Any:
    """What starts processes that have torch loaded already; the first one waits until it is."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read when the server starts: results depend on the number of threads
    for name, value in devices.MEMORY.items():
        os.environ.setdefault(name, value)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # the same bits on a GPU, too; read when CUDA starts
    os.environ["PYTHONSAFEPATH"] = "1"  # the server must not import a `copy.py` of the folder a user works in
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaebench.running.executors.preload"])
    return context


def work(job: Job, device: str, site: Site, mouth: Connection) -> None:
    """The body of a trial's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's; it ends the workers
    threading.Thread(target=_die_with_driver, daemon=True).start()
    from vaebench.running.worker import perform

    def tell(event: Any) -> None:
        try:
            mouth.send(event)
        except OSError:  # the driver is gone, and so are we in a moment
            os._exit(1)

    try:
        with claim(site.sink, job.trial) as mine:
            if mine and not site.sink.answer(job):
                site.sink.clear_debris(job.trial)
                record = perform(job, site.ready[job.data], device, site.sink, site.keeper, tell)
                tell({"phase": "done", "record": record})
            else:
                tell({"phase": "refused"})
    except OSError:  # no record can be written; the driver finds that out as well, and says so once
        os._exit(1)


def _die_with_driver() -> None:
    """However the driver ends, kill -9 included, its end of the pipe closes and no orphan is left."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
