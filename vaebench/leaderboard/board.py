"""Turns the runs of a track into a board of cells with intervals, ranks and notes; reads and writes no files."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from vaebench.errors import UserError, did_you_mean
from vaebench.leaderboard import comparable
from vaebench.leaderboard.agreement import Agreement, agreements
from vaebench.leaderboard.cells import Cell, Collected, Dash, Failure
from vaebench.leaderboard.floors import SHORTCUT, Shortcut, beaten, floor_samples, shortcuts, takes_shortcuts
from vaebench.leaderboard.follows import Follows, follows
from vaebench.leaderboard.fronts import Front, fronts
from vaebench.leaderboard.ranks import Column, Standing, is_ranked, leads, stand
from vaebench.leaderboard.rules import Role, Rules
from vaebench.leaderboard.runs import VERDICTS, Entrant, Hidden, Measure, OtherSeeds, Run
from vaebench.leaderboard.statistics import Estimate, estimates
from vaebench.leaderboard.training import Added, added
from vaebench.records.manifest import Tier

EMPTY = Cell()


@dataclass(frozen=True)
class Board:
    """Everything that is shown in a board's tables and in the notes under them."""

    rules: Rules
    datasets: tuple[str, ...]
    names: Mapping[str, str]
    """dataset -> its name, if a user gave it one"""
    seeds: Mapping[str, tuple[int, ...]]
    """regime -> the preset's seeds that have records"""
    entrants: tuple[Entrant, ...]
    """the models by name, then the floors that are not models"""
    columns: tuple[Column, ...]
    summary: tuple[Measure, ...]
    """the metrics of the summary: the suite's choice, then the headlines"""
    cells: Mapping[tuple[Entrant, Column], Cell]
    standings: tuple[Standing, ...]
    fronts: tuple[Front, ...]
    """the Pareto fronts of quality against training time"""
    agreements: Mapping[Column, Agreement]
    """the agreement of a column with its verdict's headline on the order of the references"""
    failures: Mapping[Failure, tuple[int, ...]]
    """each kind of failure -> its seeds"""
    dashes: Mapping[Dash, tuple[Entrant, ...]]
    hidden: Mapping[Hidden, int]
    """the reason why records or numbers are not comparable -> how many there are"""
    other_seeds: Mapping[OtherSeeds, tuple[int, ...]]
    """records that are not used because the preset does not name their seeds"""
    shortcuts: Mapping[str, tuple[Shortcut, ...]]
    """dataset -> the shortcuts that separate its healthy from its diseased images, best first"""
    tiers: Mapping[Entrant, Tier] = field(default_factory=dict)
    """the lowest tier among the records of a model, if it is above *reported*"""
    follows: tuple[Follows, ...] = ()
    """the quantities with which the numbers of a column correlate"""
    added: tuple[Added, ...] = ()
    """how much training improves on the untrained floor"""

    @property
    def suite(self) -> str:
        return self.rules.suite

    @property
    def preset(self) -> str:
        return self.rules.preset

    @property
    def source(self) -> str:
        return self.rules.source

    @property
    def expected(self) -> tuple[str, ...]:
        """The suite's datasets."""
        return self.rules.datasets

    @property
    def track(self) -> str:
        return f"{self.suite} / {self.preset} / {self.source}"

    @property
    def title(self) -> str:
        """The track, how many of the suite's datasets are covered, and what the models' parameters were tuned for."""
        tuned = f"; tuned {self.rules.tuned}" if self.rules.tuned else ""
        covered = sum(name in self.datasets for name in self.expected)
        more = len(self.datasets) - covered
        if not self.expected:
            return f"{self.track}: {more} dataset{'s' if more != 1 else ''}{tuned}"
        others = f", and {more} more" if more else ""
        return f"{self.track}: {covered} of {len(self.expected)} datasets{others}{tuned}"

    def role(self, entrant: Entrant) -> Role:
        return self.rules.role(entrant)

    def label(self, entrant: Entrant) -> str:
        """Return an entrant's model, followed by its loss if the model alone does not identify the entrant."""
        return self.rules.label(entrant)

    @cached_property
    def floors(self) -> tuple[Entrant, ...]:
        """The rows without a rank, which every useful model must beat."""
        return tuple(entrant for entrant in self.entrants if self.role(entrant) == "floor")

    @cached_property
    def gaps(self) -> Mapping[Column, float]:
        """column -> the true difference between two models that the column detects in half of the cases"""
        return {column: gap for one in self.standings for column, gap in one.gaps.items()}

    def narrowed(self, verdict: str | None = None, dataset: str | None = None) -> Board:
        """Return the part of the board for a verdict, a dataset or both, with the whole board's ranks and labels."""

        beside = self.rules.beside(verdict)

        def keep(column: Column) -> bool:
            asked = verdict in (None, column.measure.verdict) or column.measure.name in beside
            return asked and dataset in (None, column.dataset)

        columns = tuple(column for column in self.columns if keep(column))
        datasets = {column.dataset for column in columns}
        titled = {(column.dataset, column.measure.title) for column in columns}
        asked = {(column.dataset, column.measure.regime) for column in columns}
        standings = ((one, tuple(column for column in one.columns if keep(column))) for one in self.standings)
        shown = {column.measure for column in columns}
        return replace(
            self,
            datasets=tuple(name for name in self.datasets if name in datasets),
            columns=columns,
            summary=tuple(measure for measure in self.summary if measure in shown),
            cells={(e, column): cell for column in columns for e, cell in self.by_column.get(column, {}).items()},
            standings=tuple(replace(one, columns=own) for one, own in standings if own),
            fronts=tuple(front for front in self.fronts if keep(front.quality)),
            agreements={column: own for column, own in self.agreements.items() if keep(column)},
            failures={one: seeds for one, seeds in self.failures.items() if (one.dataset, one.regime) in asked},
            dashes={one: who for one, who in self.dashes.items() if (one.dataset, one.metric) in titled},
            hidden={key: count for key, count in self.hidden.items() if key.dataset in ("", *datasets)},
            other_seeds={key: own for key, own in self.other_seeds.items() if key.dataset in datasets},
            shortcuts={name: found for name, found in self.shortcuts.items() if name in datasets},
            follows=tuple(one for one in self.follows if keep(one.column)),
            added=tuple(one for one in self.added if keep(one.column)),
        )

    @cached_property
    def by_column(self) -> Mapping[Column, Mapping[Entrant, Cell]]:
        """The board's cells, grouped by column for faster access."""
        found: dict[Column, dict[Entrant, Cell]] = {}
        for column, own in groupby(self.cells.items(), key=lambda item: item[0][1]):
            found.setdefault(column, {}).update((entrant, cell) for (entrant, _), cell in own)
        return found

    def cell(self, entrant: Entrant, column: Column) -> Cell:
        return self.cells.get((entrant, column), EMPTY)


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection, which would repeatedly scan millions of new objects and find nothing to free."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # both calls together move all objects to the oldest generation, which is rarely scanned
        if was:
            gc.enable()


@uncollected()
def board(
    runs: Sequence[Run], rules: Rules, *, metrics: Sequence[str] | None = None, dataset: str | None = None
) -> Board:
    """Return the board of the runs of one track, with all metrics and datasets or only the given ones.

    If metrics are given, the first metric of each verdict replaces the verdict's headline."""
    found = comparable.comparable(runs, rules)
    rules = replace(rules, done=found.done)
    datasets_known = {run.dataset for run in found.runs} | set(rules.datasets)
    names = rules.names(datasets_known)
    dataset = next((own for own, called in names.items() if called == dataset), dataset)
    _check("dataset", [] if dataset is None else [dataset], datasets_known)
    _check("metric", metrics or [], {measure.name for measure in found.measures.values()})
    runs = [run for run in found.runs if dataset in (None, run.dataset)]

    summary = [rules.measures[name] for name in rules.summary if name in rules.measures and runs and not metrics]
    listed = sorted({*found.measures.values(), *summary}, key=lambda m: (m.name, m))
    if metrics:
        listed = [measure for name in metrics for measure in listed if measure.name == name]
    leading = leads(listed, rules, by_name=bool(metrics))
    listed.sort(key=lambda m: (VERDICTS.index(m.verdict), m not in leading.values()))
    entrants = tuple(sorted({run.entrant for run in runs}))
    place = {name: number for number, name in enumerate(rules.datasets)}
    datasets = tuple(sorted({run.dataset for run in runs}, key=lambda name: (place.get(name, len(place)), name)))
    collected = Collected(runs, {mine: own for mine, own in found.measures.items() if own in listed})
    columns = [
        c for name in datasets for m in listed for c in collected.columns(name, m, m in leading.values(), m in summary)
    ]
    samples = collected.samples(columns)
    leads_of = {lead: [column for column in columns if column.measure == lead] for lead in leading.values()}
    extra = dict(floor_samples(rules, [c for own in leads_of.values() for c in own], samples))
    samples |= extra
    rows = (*entrants, *dict.fromkeys(entrant for entrant, _ in extra))
    standings = [stand(lead, own, rows, rules, samples) for lead, own in leads_of.items() if own]
    estimated = dict(zip(samples, estimates(list(samples.values())), strict=True))
    means = {at: one.mean for at, one in estimated.items()}
    trivial = dict(shortcuts(runs, rules))
    cells = dict(collected.cells(columns, estimated)) | {at: Cell(estimated[at]) for at in extra}
    for standing in standings:
        beats = beaten(standing, [e for e in rows if rules.role(e) == "floor"], samples, estimated, trivial)
        cells |= dict(_compared(standing, cells, beats, trivial))
    if any(entrant == SHORTCUT for entrant, _ in cells):
        rows = (*rows, SHORTCUT)
    return Board(
        rules=rules,
        datasets=datasets,
        names=names,
        seeds={regime: tuple(sorted({r.seed for r in runs if r.regime == regime})) for regime in _regimes(runs)},
        entrants=rows,
        columns=tuple(columns),
        summary=tuple(dict.fromkeys([*summary, *(m for m in leading.values() if is_ranked(m) and summary)])),
        cells=cells,
        standings=tuple(standings),
        fronts=tuple(fronts(standings, columns, means, [e for e in rows if rules.role(e) == "floor"])),
        agreements=dict(agreements(standings, columns, means)),
        failures={failure: tuple(sorted(seeds)) for failure, seeds in sorted(collected.failures.items())},
        dashes={dash: tuple(sorted(who)) for dash, who in sorted(collected.dashes.items())},
        hidden={key: n for key, n in sorted(found.hidden.items()) if dataset is None or key.dataset in ("", dataset)},
        other_seeds={key: own for key, own in found.other_seeds.items() if dataset in (None, key.dataset)},
        shortcuts=trivial,
        follows=tuple(follows(collected.numbers, columns, rules)),
        added=tuple(added(standings, rules, samples)),
    )


def _compared(
    standing: Standing,
    cells: Mapping[tuple[Entrant, Column], Cell],
    beats: Mapping[tuple[Entrant, Column], Sequence[Entrant]],
    trivial: Mapping[str, Sequence[Shortcut]],
) -> Iterator[tuple[tuple[Entrant, Column], Cell]]:
    """Yield the cells of a headline's columns with ranks and beaten floors, and cells for the best shortcuts."""
    best = {(entrant, column) for column, entrant in standing.best.items()}
    for at in standing.places.keys() | best:
        names = tuple(floor.floor or floor.model for floor in beats.get(at, ()))
        place, label = standing.places.get(at), standing.labels.get(at)
        yield at, replace(cells[at], place=place, best=at in best, label=label, beats=names)
    for column in standing.main:
        if takes_shortcuts(column) and (known := trivial.get(column.dataset)):
            fixed = Estimate(known[0].auroc, None, None, None, 0, False)
            yield (SHORTCUT, column), Cell(fixed, detail=known[0].name)


def _regimes(runs: Sequence[Run]) -> list[str]:
    return sorted({run.regime for run in runs})


def _check(what: str, asked: Iterable[str], known: set[str]) -> None:
    for name in asked:
        if name not in known:
            raise UserError(f"There is no {what} {name!r} on this board.{did_you_mean(name, known)}")
