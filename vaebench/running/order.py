"""Orders: jobs in a file on a shared disk, with everything that pilots need to run them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vaebench.errors import UserError
from vaebench.planning.jobs import Job
from vaebench.records import store
from vaebench.running.site import Site

HEAD, JOBS = "order.json", "jobs.jsonl"


@dataclass(frozen=True)
class Order:
    """The settings of all jobs of an order. Paths are absolute and valid on all machines that mount the shared disk."""

    results: str
    device_class: str
    ready: dict[str, str]
    """The digest of prepared data -> its folder"""
    every: float
    """Seconds of training between checkpoints"""
    patience: float
    stop_on_failure: bool
    cards: int
    """The number of GPUs of a pilot; 0 on a CPU"""
    slots: int
    """The number of trials that a pilot trains at once"""
    cores: int
    """The maximum number of trial processes of a pilot"""


def order_of(site: Site, stop_on_failure: bool, cards: int, slots: int, cores: int) -> Order:
    """Return the order for jobs that would otherwise run at this site."""
    ready = {digest: str(folder.resolve()) for digest, folder in site.ready.items()}
    results, kind = str(site.sink.results.resolve()), site.sink.device_class
    return Order(results, kind, ready, site.keeper.every, site.patience, stop_on_failure, cards, slots, cores)


def lines_of(jobs: Sequence[Job]) -> list[str]:
    """Return a line for each job; equal jobs have equal lines."""
    return [json.dumps(job.to_json(), sort_keys=True) for job in jobs]


def write(folder: Path, order: Order, jobs: Sequence[Job]) -> None:
    store.write_atomically(folder / JOBS, "".join(f"{line}\n" for line in lines_of(jobs)).encode())
    store.write_atomically(folder / HEAD, json.dumps(asdict(order), indent=2).encode())


def read(folder: Path) -> tuple[Order, list[Job]]:
    """Read the order in a folder and its jobs."""
    try:
        order = Order(**json.loads((folder / HEAD).read_text()))
        return order, [Job.from_json(json.loads(line)) for line in lines(folder)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder} contains no valid description of a run ({type(error).__name__}: {error})") from error


def lines(folder: Path) -> Iterator[str]:
    yield from (folder / JOBS).read_text().splitlines()
