"""Run trials on a Slurm cluster with pilots: tasks of a job array that share the trials of one results folder."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from vaebench.errors import UserError
from vaebench.interfaces import Event, Executor
from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.running import batch, order
from vaebench.running.batch import Batch
from vaebench.running.site import Site
from vaebench.running.watched import Watched

PAUSE = 10.0
"""Seconds between two checks of the queue and the records; longer if a check takes long"""
BUSY = 0.05
"""The maximum share of the time that is spent on checks"""
ENDING = 30.0
"""Seconds to wait for cancelled pilots"""
MARGIN = 120
"""Seconds before its time limit at which a pilot saves checkpoints and submits itself again"""
START = [sys.executable, "-P", "-c", "from vaebench.cli import main; main(prog_name='vaebench')"]
"""The command for this installation of vaebench, which must have the same path on all nodes"""


class Slurm(Executor):
    """Runs trials on a Slurm cluster, in an array of pilot jobs that share them through claims in the results folder.

    The driver only watches: if it is killed, the next run finds the jobs in the results folder and watches them."""

    name = "slurm"
    version = 1
    remote = True
    listens = True

    def __init__(
        self,
        pilots: int = 1,
        partition: str = "",
        gpus: int = 0,
        per_gpu: int = 1,
        cpus: int = 0,
        minutes: int = 60,
        memory: int = 0,
        setup: str = "",
        options: str = "",
    ) -> None:
        if min(pilots, per_gpu, minutes) < 1 or min(gpus, cpus, memory) < 0:
            raise ValueError("pilots, per_gpu and minutes must be 1 or more, and no number may be negative")
        self.pilots, self.gpus, self.minutes, self.setup = pilots, gpus, minutes, setup
        self.per_pilot = gpus * per_gpu or cpus or 1
        self.cpus = cpus or (2 * self.per_pilot if gpus else 1)  # on a GPU, one trial trains while another measures
        asked = {"partition": partition, "gres": f"gpu:{gpus}" if gpus else "", "mem": f"{memory}G" if memory else ""}
        self.options = [f"--{name}={value}" for name, value in asked.items() if value] + shlex.split(options)

    @classmethod
    def missing(cls) -> str:
        return batch.missing()

    def slots(self, devices: Sequence[str]) -> int:
        return self.pilots * self.per_pilot

    def submit(self, jobs: Sequence[Job], site: Site) -> str:
        batches = self._adopt(Watched(jobs, site.sink))
        if left := self._uncovered(jobs, batches):
            batches.append(self._send(left, site))
        names = ", ".join(id_ for one in batches for id_ in one.ids)
        return f"{len(jobs)} trials were submitted as the Slurm jobs {names}. `vaebench status` shows their progress."

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        if not jobs:
            return
        watched = Watched(jobs, site.sink)
        yield from watched.look()
        if not watched.pending:
            return
        adopted, own, before = self._adopt(watched), list[Batch](), watched.tries()
        try:
            if left := self._uncovered(list(watched.pending.values()), adopted):
                own.append(self._send(left, site, stop_on_failure))
            pause = 0.0
            while watched.pending:
                time.sleep(pause)
                gone = not _living([*adopted, *own])  # checked first, so that the last results of a pilot are seen
                began = time.monotonic()
                events = list(watched.look(last=gone))
                pause = max(PAUSE, (time.monotonic() - began) / BUSY)  # without the caller's time for the events
                for event in events:
                    yield event
                    if stop_on_failure and event.kind == "end" and event.data["record"].error:
                        return
                if watched.pending and gone:
                    if watched.tries() == before:
                        raise UserError(f"All pilots ended without completing a trial. {[*adopted, *own][-1].tail()}")
                    before = watched.tries()
                    own.append(self._send(list(watched.pending.values()), site, stop_on_failure))
            adopted = []  # these pilots may have other trials to run
        finally:
            _end([*adopted, *own])

    def _adopt(self, watched: Watched) -> list[Batch]:
        """Return the unfinished batches of earlier runs for these trials; remove the folders of ended batches."""
        mine, found = set(order.lines_of(list(watched.pending.values()))), []
        states = batch.states()
        if states is None:
            raise UserError("squeue does not respond, so pilots of an earlier run may be active. Try again later.")
        for one in batch.batches(watched.track):
            if not one.ids:  # another driver is about to submit it
                continue
            if not states.keys() & set(one.ids):
                shutil.rmtree(one.folder, ignore_errors=True)
            elif mine & set(order.lines(one.folder)):
                found.append(one)
        return found

    def _uncovered(self, jobs: Sequence[Job], adopted: Sequence[Batch]) -> list[Job]:
        """Return the jobs that no earlier run submitted."""
        known = {line for one in adopted for line in order.lines(one.folder)}
        return [job for job, line in zip(jobs, order.lines_of(jobs), strict=True) if line not in known]

    def _send(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Batch:
        """Write an order and submit pilots for it."""
        if site.keeper.fresh:  # checkpoints are deleted once, not by each pilot
            for job in jobs:
                site.keeper.drop(job.trial)
        one = batch.new(store.folder_of(site.sink.results, jobs[0].trial))
        folder = one.folder.resolve()
        slots = max(1, site.slots // self.pilots)
        order.write(folder, order.order_of(site, stop_on_failure, self.gpus, slots, max(slots, self.cpus)), jobs)
        margin = min(MARGIN, self.minutes * 60 // 4)
        options = [
            "--job-name=vaebench", "--requeue", "--open-mode=append", f"--output={folder}/pilot-%A-%a.log",
            "--ntasks=1", f"--cpus-per-task={self.cpus}", f"--time={self.minutes}", f"--signal=B:USR1@{margin}",
            *self.options,
        ]  # fmt: skip
        command = shlex.join([*START, "work", str(folder)])
        batch.write_script(one, options, [*([self.setup] if self.setup else []), f"exec {command}"])
        try:
            one.submit(f"0-{min(self.pilots, math.ceil(len(jobs) / slots)) - 1}")
        except UserError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return one


def _living(batches: Sequence[Batch]) -> bool:
    """Return whether any of these pilots is waiting or running; True if Slurm does not answer."""
    states = batch.states()
    return states is None or any(states.keys() & set(one.ids) for one in batches)


def _end(batches: Sequence[Batch]) -> None:
    """Cancel the pilots, and wait until they have saved their checkpoints."""
    if not batches:
        return
    batch.cancel([id_ for one in batches for id_ in one.ids])
    until = time.monotonic() + ENDING
    with suppress(KeyboardInterrupt):  # a second Ctrl-C stops the waiting; the pilots still end
        while _living(batches) and time.monotonic() < until:
            time.sleep(min(0.5, PAUSE))
