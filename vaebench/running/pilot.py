"""Pilots: processes on other machines that run the trials of an order until all are done or claimed by other pilots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from vaebench.data.prepare import intact
from vaebench.errors import UserError
from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.running.executors.local import Local
from vaebench.running.fitness import Unfit, check_fitness
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.order import Order
from vaebench.running.sink import ResultsSink
from vaebench.running.site import Site


def work(order: Order, jobs: Sequence[Job]) -> Iterator[Event]:
    """Run the trials of an order that no other run has claimed.

    Closing the iterator saves checkpoints and releases the claims."""
    devices = tuple(f"cuda:{number}" for number in range(order.cards)) or ("cpu",)
    ready = {digest: Path(folder) for digest, folder in order.ready.items()}
    results = Path(order.results)
    _check(order, jobs, devices[0])
    site = Site(
        ready=ready,
        sink=ResultsSink(results, order.device_class),
        keeper=CheckpointKeeper(results, order.device_class, order.every),
        devices=devices,
        slots=order.slots,
        cores=order.cores,
        patience=order.patience,
        lingers=False,
    )
    yield from Local().run(jobs, site, order.stop_on_failure)


def _check(order: Order, jobs: Sequence[Job], device: str) -> None:
    """Compare this machine with the one that wrote the order, before anything runs."""
    for folder in order.ready.values():
        if not intact(Path(folder)):
            raise UserError(
                f"This machine cannot read the prepared data in {folder}. Set VAEBENCH_CACHE to a folder on a disk "
                "that all machines share, and run the command again."
            )
    alike = {(tuple(sorted(job.components.items())), tuple(sorted(job.code.items()))): job for job in jobs}
    for job in alike.values():
        try:
            check_fitness(job, device, order.device_class)
        except Unfit as reason:
            raise UserError(f"This machine cannot run the trials as planned: {reason}.") from reason
