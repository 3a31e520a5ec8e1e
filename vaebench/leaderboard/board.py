"""From records to a board: who was measured on what, how sure that is, and who ranks; pure, without input or output."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from vaebench.errors import UserError, did_you_mean
from vaebench.leaderboard import comparable
from vaebench.leaderboard.agreement import Agreement, agreements
from vaebench.leaderboard.cells import Cell, Collected, Dash, Failure
from vaebench.leaderboard.fronts import Front, fronts
from vaebench.leaderboard.ranks import Column, Standing, leads, stand
from vaebench.leaderboard.runs import VERDICTS, Entrant, Hidden, Run, read
from vaebench.leaderboard.statistics import estimates
from vaebench.records.record import Record


class Shortcut(NamedTuple):
    """What needs no anatomy: something trivial about an image that tells healthy from diseased."""

    name: str
    auroc: float


@dataclass(frozen=True)
class Board:
    """All that the tables show and that the notes under them say."""

    suite: str
    preset: str
    source: str
    datasets: tuple[str, ...]
    expected: tuple[str, ...]
    """the suite's datasets, where the caller named them"""
    seeds: Mapping[str, tuple[int, ...]]
    """regime -> seeds of the track"""
    entrants: tuple[Entrant, ...]
    columns: tuple[Column, ...]
    cells: Mapping[tuple[Entrant, Column], Cell]
    standings: tuple[Standing, ...]
    fronts: tuple[Front, ...]
    """quality against training time"""
    agreements: Mapping[Column, Agreement]
    """how alike a column and the one that ranks its verdict on its dataset order the models"""
    failures: Mapping[Failure, tuple[int, ...]]
    """the seeds that failed in this way"""
    dashes: Mapping[Dash, tuple[Entrant, ...]]
    hidden: Mapping[Hidden, int]
    """how many were hidden for this reason"""
    shortcuts: Mapping[str, tuple[Shortcut, ...]]
    """dataset -> the shortcuts to its diagnosis, the best one first"""

    @property
    def track(self) -> str:
        return f"{self.suite} / {self.preset} / {self.source}"

    @property
    def title(self) -> str:
        """The track, and how much of the suite the board covers."""
        covered = sum(name in self.datasets for name in self.expected)
        more = len(self.datasets) - covered
        if not self.expected:
            return f"{self.track}: {more} dataset{'s' if more != 1 else ''}"
        return f"{self.track}: {covered} of {len(self.expected)} datasets{f', and {more} more' if more else ''}"

    @cached_property
    def losses(self) -> Mapping[str, frozenset[str]]:
        """Model, whatever its parameters -> the reconstruction losses it was trained with."""
        found: dict[str, set[str]] = defaultdict(set)
        for entrant in self.entrants:
            found[entrant.name].add(entrant.loss)
        return {name: frozenset(losses) for name, losses in found.items()}

    def label(self, entrant: Entrant) -> str:
        """Its model, and its loss where the model stands on this board with several."""
        several = len(self.losses[entrant.name]) > 1
        return f"{entrant.model} + {entrant.loss}" if several and entrant.loss else entrant.model

    def narrowed(self, verdict: str | None = None, dataset: str | None = None) -> Board:
        """A part of this board, with the ranks and labels of the whole."""

        def keep(column: Column) -> bool:
            return verdict in (None, column.measure.verdict) and dataset in (None, column.dataset)

        columns = tuple(column for column in self.columns if keep(column))
        datasets = {column.dataset for column in columns}
        titled = {(column.dataset, column.measure.title) for column in columns}
        asked = {(column.dataset, column.measure.regime) for column in columns}
        standings = ((one, tuple(column for column in one.columns if keep(column))) for one in self.standings)
        return replace(
            self,
            datasets=tuple(name for name in self.datasets if name in datasets),
            columns=columns,
            cells={(e, column): cell for column in columns for e, cell in self.by_column.get(column, {}).items()},
            standings=tuple(replace(one, columns=own) for one, own in standings if own),
            fronts=tuple(front for front in self.fronts if keep(front.quality)),
            agreements={column: own for column, own in self.agreements.items() if keep(column)},
            failures={one: seeds for one, seeds in self.failures.items() if (one.dataset, one.regime) in asked},
            dashes={one: who for one, who in self.dashes.items() if (one.dataset, one.metric) in titled},
            hidden={key: count for key, count in self.hidden.items() if key.dataset in ("", *datasets)},
            shortcuts={name: found for name, found in self.shortcuts.items() if name in datasets},
        )

    @cached_property
    def by_column(self) -> Mapping[Column, Mapping[Entrant, Cell]]:
        """The same cells, found faster where a whole column is asked for."""
        found: dict[Column, dict[Entrant, Cell]] = {}
        for column, own in groupby(self.cells.items(), key=lambda item: item[0][1]):
            found.setdefault(column, {}).update((entrant, cell) for (entrant, _), cell in own)
        return found

    def cell(self, entrant: Entrant, column: Column) -> Cell:
        return self.cells.get((entrant, column), Cell())

    def shortcut(self, column: Column) -> Shortcut | None:
        """What the models must beat in a column that ranks anomaly detection, which is where it is shown."""
        measure = column.measure
        if not (measure.verdict == "anomaly" and measure.primary and measure.better == "higher" and not measure.unit):
            return None
        return next(iter(self.shortcuts.get(column.dataset, ())), None)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection, which would walk over millions of new values again and again and find nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@uncollected()
def board(
    records: Iterable[Record],
    *,
    suite: str,
    preset: str,
    source: str,
    metrics: Sequence[str] | None = None,
    dataset: str | None = None,
    expected: Sequence[str] = (),
) -> Board:
    """The board of one track (`suite` is NAME@VERSION), of all its metrics and datasets or of those asked for.

    Where metrics are named, the first of a verdict takes the place of its primary one. `expected` names the suite's
    datasets, in its order; coverage is measured against them."""
    runs = read(records, f"{suite}/{preset}/{source}")
    runs, stale = comparable.keep_newest(runs)
    runs, measures, outdated = comparable.keep_newest_measures(runs)
    _check("dataset", [] if dataset is None else [dataset], {run.dataset for run in runs} | set(expected))
    _check("metric", metrics or [], set(measures))
    runs = [run for run in runs if dataset in (None, run.dataset)]
    hidden = stale + outdated

    shown = [measures[name] for name in metrics or sorted(measures)]
    leading = leads(shown, by_name=bool(metrics))
    shown.sort(key=lambda m: (VERDICTS.index(m.verdict), m not in leading.values()))
    entrants = tuple(sorted({run.entrant for run in runs}))
    place = {name: number for number, name in enumerate(expected)}
    datasets = tuple(sorted({run.dataset for run in runs}, key=lambda name: (place.get(name, len(place)), name)))
    collected = Collected(runs, shown)
    seeds = {regime: tuple(sorted(own)) for regime, own in sorted(collected.seeds.items())}
    columns = [c for name in datasets for m in shown for c in collected.columns(name, m, m in leading.values())]
    samples = collected.samples(columns)
    standings = [
        stand(lead, own, entrants, seeds.get(lead.regime, ()), samples)
        for lead in leading.values()
        if (own := [column for column in columns if column.measure == lead])
    ]
    found = dict(zip(samples, estimates(list(samples.values())), strict=True))
    means = {at: one.mean for at, one in found.items()}
    ranks = {at: rank for standing in standings for at, rank in standing.ranks.items()}
    return Board(
        suite=suite,
        preset=preset,
        source=source,
        datasets=datasets,
        expected=tuple(expected),
        seeds=seeds,
        entrants=entrants,
        columns=tuple(columns),
        cells=dict(collected.cells(columns, found, ranks)),
        standings=tuple(standings),
        fronts=tuple(fronts(standings, columns, means)),
        agreements=dict(agreements(standings, columns, means)),
        failures={failure: tuple(sorted(seeds)) for failure, seeds in sorted(collected.failures.items())},
        dashes={dash: tuple(sorted(who)) for dash, who in sorted(collected.dashes.items())},
        hidden={key: n for key, n in sorted(hidden.items()) if dataset is None or key.dataset in ("", dataset)},
        shortcuts=dict(_shortcuts(runs)),
    )


def _shortcuts(runs: Sequence[Run]) -> Iterator[tuple[str, tuple[Shortcut, ...]]]:
    """Their medians over the seeds, each of which may have drawn other images; of a seed, the newest run tells."""
    told: dict[str, dict[int, dict[str, float]]] = defaultdict(dict)
    for run in sorted(runs, key=lambda run: run.started):
        if run.shortcuts:
            told[run.dataset][run.seed] = dict(run.shortcuts)
    for dataset, by_seed in sorted(told.items()):
        names = {name for own in by_seed.values() for name in own}
        found = [Shortcut(n, float(np.median([own[n] for own in by_seed.values() if n in own]))) for n in names]
        yield dataset, tuple(sorted(found, key=lambda one: (-one.auroc, one.name)))


def _check(what: str, asked: Iterable[str], known: set[str]) -> None:
    for name in asked:
        if name not in known:
            raise UserError(f"There is no {what} {name!r} on this board.{did_you_mean(name, known)}")
