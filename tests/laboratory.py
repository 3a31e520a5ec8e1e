"""Installation of the plugin `tests/lab` in this process and in the processes it starts, and jobs of its suite."""

from __future__ import annotations

import multiprocessing.forkserver
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from vaebench.components.discovery import installed
from vaebench.components.registry import forget, registry
from vaebench.data.folders import cache_folder
from vaebench.data.prepare import about, prepare
from vaebench.planning.jobs import Job, Versions
from vaebench.planning.suite import Suite, find
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.sink import ResultsSink
from vaebench.running.site import Site
from vaebench.running.worker import perform
from vaebench.training.checkpoint import EVERY
from vaebench.trial import Settings, Spec, Trial

PLACE = str(Path(__file__).parent / "lab")
METRICS = ("lab-residual", "lab-samples", "lab-health")


@dataclass(frozen=True)
class Lab:
    """Access to the traces that trials leave in the folder of a test module."""

    folder: Path

    def trained(self) -> list[tuple[str, int]]:
        """Return (model, process) of every training run so far."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(name, int(process)) for name, process in map(str.split, lines)]

    def ends(self, process: int, seconds: float = 20.0) -> bool:
        """Return whether a process ends within some seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the model `slow` from starting while the block runs."""
        hold = self.folder / "hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """Install the plugin while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (PLACE, os.environ.get("PYTHONPATH")))))
        patch.setenv("LAB", str(folder))
        patch.syspath_prepend(PLACE)
        _forget()
        yield Lab(folder)
    _forget()


def _forget() -> None:
    """Make this process, and the server that trials are forked from, discover plugins again."""
    forget()
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def tell_environment(names: Sequence[str], mouth: Connection) -> None:
    """Send some environment variables of this process."""
    mouth.send({name: os.environ.get(name) for name in names})


def suite() -> Suite:
    return find("lab", installed())


@dataclass(frozen=True)
class Work:
    """A job and its folders."""

    trial: Trial
    settings: Settings
    results: Path
    data: Path
    """The folder with the prepared data of its dataset."""
    replaces: str = ""
    measure_only: bool = False
    every: float = EVERY
    fresh: bool = False

    @property
    def job(self) -> Job:
        versions = Versions(self.settings, registry())
        made_of = versions.of(self.trial), versions.code_of(self.trial)
        more = {"replaces": self.replaces, "measure_only": self.measure_only, "paired": ("lab-residual",)}
        return Job(self.trial, self.settings, about(self.data).digest, *made_of, **more)

    @property
    def sink(self) -> ResultsSink:
        return ResultsSink(self.results, "cpu")

    @property
    def keeper(self) -> CheckpointKeeper:
        return CheckpointKeeper(self.results, "cpu", self.every, self.fresh)


def run_job(work: Work, tell: Callable[[Mapping[str, Any]], None] = lambda event: None) -> Record:
    """Run a job in this process."""
    return perform(work.job, work.data, "cpu", work.sink, work.keeper, tell)


def site(*works: Work, slots: int = 1) -> Site:
    """Return the site for jobs that share a results folder."""
    first, ready = works[0], {work.job.data: work.data for work in works}
    return Site(ready, first.sink, first.keeper, slots=slots)


def job(
    folder: Path,
    model: str = "steady",
    *,
    dataset: str = "lab-xray",
    regime: str = "all",
    seed: int = 0,
    preset: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Work:
    """Return a job of the suite `lab` with prepared data; `preset` contains the preset's parameters for models."""
    usual = {"size": 8, "steps": 6, "batch": 8, "samples": 8, "metrics": METRICS}
    given = Settings(model=preset or {}, **{**usual, **settings})
    offer, made = registry().spec("models", model)
    data = registry().spec("datasets", dataset)[1]
    loss = Spec(offer.component.default_loss) if offer.component.default_loss else None
    drawn = prepare(
        registry().create("datasets", data), data, "phantom", given.size, given.limit, folder, cache_folder()
    )
    trial = Trial("lab@1", "tiny", "phantom", data, made, loss, regime, seed)
    return Work(trial, given, folder / "results", drawn.folder)


def answers(results: Path) -> dict[str, tuple[object, ...]]:
    """Return what must not depend on where trials run: file -> contents of its record except costs, and the weights."""
    fields = ("status", "trial", "settings", "inputs", "device", "curve", "metrics", "weights")
    found = {}
    for path in results.glob("*/*/*/*/*/*.json"):
        record = store.read(path)
        held = (getattr(record, field) for field in fields)
        found[path.relative_to(results).as_posix()] = (*held, store.weights_of(path).read_bytes())
    return found
