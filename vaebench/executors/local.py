"""Trials on this machine: one process each, forked from a server that has torch loaded already."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from vaebench import provenance, records
from vaebench.interfaces import Event, Executor
from vaebench.trial import Job

STALL = 900.0
"""Seconds without a word from a trial after which it counts as hung."""


@dataclass
class Running:
    """A trial at work."""

    job: Job
    process: BaseProcess
    ear: Connection
    heard: float
    before: int
    """when the trial's record was last written before this start, 0 for never"""


class Local(Executor):
    """Whatever kills a trial's process costs that trial alone: the driver writes the record it could not write."""

    name = "local"
    version = 1

    def run(self, jobs: Sequence[Job], slots: int, stop_on_failure: bool = False) -> Iterator[Event]:
        context = server()
        waiting, running = list(reversed(jobs)), list[Running]()
        try:
            while waiting or running:
                while waiting and len(running) < slots:
                    running.append(self._start(context, waiting.pop()))
                    yield Event("start", running[-1].job)
                wait([handle for one in running for handle in (one.ear, one.process.sentinel)], timeout=1.0)
                for one in list(running):
                    for event in self._listen(one):
                        if event.kind == "end":
                            running.remove(one)
                            if stop_on_failure and event.data["record"]["status"] != "ok":
                                waiting.clear()
                        yield event
        finally:
            for left in running:
                left.process.kill()
                left.process.join()
                records.clear_debris(_path(left.job))

    def _start(self, context: Any, job: Job) -> Running:
        before = _written(_path(job))
        ear, mouth = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(job, mouth), daemon=True)
        process.start()
        mouth.close()
        return Running(job, process, ear, time.monotonic(), before)

    def _listen(self, one: Running) -> Iterator[Event]:
        while True:
            try:
                if not one.ear.poll():
                    break
                message = one.ear.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                break
            one.heard = time.monotonic()
            yield Event("progress", one.job, message)
        hung = one.process.is_alive() and time.monotonic() - one.heard > STALL
        if hung:
            one.process.kill()
        if hung or not one.process.is_alive():
            one.process.join()
            one.ear.close()
            yield Event("end", one.job, {"record": self._record(one, hung)})

    def _record(self, one: Running, hung: bool) -> records.Record:
        """The record the worker wrote, or the one that says why it could not."""
        path, code = _path(one.job), one.process.exitcode or 0
        records.clear_debris(path)
        if _written(path) != one.before:
            with suppress(records.BadRecord):  # somebody spoiled it meanwhile
                return records.read(path)
        from vaebench.worker import blank

        if hung:
            record = blank(one.job, "timeout", "timeout", f"no progress for {STALL:.0f} s")
        elif code < 0:
            cause = " (out of memory, or killed by hand)" if -code == signal.SIGKILL else ""
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            record = blank(one.job, "failed", "signal", f"the process died of {name}{cause}")
        else:
            record = blank(one.job, "failed", "exception", f"the process ended with exit code {code}")
        if not one.job.trained:  # a failed second look takes nothing from a good record
            records.write(path, record)
        return record


def server() -> Any:
    """What starts processes that have torch loaded already; the first one waits until it is."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read when the server starts: results depend on the number of threads
    os.environ["PYTHONSAFEPATH"] = "1"  # the server must not import a `copy.py` of the folder a user works in
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaebench.executors.preload"])
    return context


def _path(job: Job) -> Path:
    return records.path_of(job.results, job.trial, provenance.device_class(job.device))


def _written(record: Path) -> int:
    return record.stat().st_mtime_ns if record.exists() else 0


def work(job: Job, mouth: Connection) -> None:
    """The body of a trial's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's; it ends the workers
    threading.Thread(target=_die_with_driver, daemon=True).start()
    from vaebench.worker import run_job

    def tell(event: Any) -> None:
        try:
            mouth.send(event)
        except OSError:  # the driver is gone, and so are we in a moment
            os._exit(1)

    try:
        run_job(job, tell)
    except OSError:  # no record can be written; the driver finds that out as well, and says so once
        os._exit(1)


def _die_with_driver() -> None:
    """However the driver ends, kill -9 included, its end of the pipe closes and no orphan is left."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
