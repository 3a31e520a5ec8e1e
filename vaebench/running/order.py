"""An order: jobs in a file on a shared disk, and what pilots must know to do them there."""

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
    """What is the same for all jobs. Paths are absolute, and the same on every machine that sees the disk."""

    results: str
    device_class: str
    ready: dict[str, str]
    """The digest of ready data -> its folder"""
    every: float
    """Seconds of training between checkpoints"""
    patience: float
    stop_on_failure: bool
    cards: int
    """GPUs of a pilot; on a CPU none"""
    slots: int
    """How many trials a pilot trains at once"""
    cores: int
    """How many processes of trials it may have"""


def order_of(site: Site, stop_on_failure: bool, cards: int, slots: int, cores: int) -> Order:
    """The order for jobs that would be done at a site."""
    ready = {digest: str(folder.resolve()) for digest, folder in site.ready.items()}
    results, kind = str(site.sink.results.resolve()), site.sink.device_class
    return Order(results, kind, ready, site.keeper.every, site.patience, stop_on_failure, cards, slots, cores)


def lines_of(jobs: Sequence[Job]) -> list[str]:
    """A line for each job; equal jobs have equal lines."""
    return [json.dumps(job.to_json(), sort_keys=True) for job in jobs]


def write(folder: Path, order: Order, jobs: Sequence[Job]) -> None:
    store.write_atomically(folder / JOBS, "".join(f"{line}\n" for line in lines_of(jobs)).encode())
    store.write_atomically(folder / HEAD, json.dumps(asdict(order), indent=2).encode())


def read(folder: Path) -> tuple[Order, list[Job]]:
    """The order in a folder, and its jobs."""
    try:
        order = Order(**json.loads((folder / HEAD).read_text()))
        return order, [Job.from_json(json.loads(line)) for line in lines(folder)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder} holds no order of trials ({type(error).__name__}: {error})") from error


def lines(folder: Path) -> Iterator[str]:
    yield from (folder / JOBS).read_text().splitlines()
