"""What the runs of a board say, by where it stands on the board: numbers, failures, and reasons why there is none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vaebench.leaderboard import comparable
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant, Measure, Number, Run
from vaebench.leaderboard.statistics import Estimate, Sample


@dataclass(frozen=True)
class Cell:
    """What one entrant has in one column: a number, or the reasons why there is none."""

    estimate: Estimate | None = None
    n: int | None = None
    failed: int = 0
    """trials that ended without a result"""
    reasons: tuple[str, ...] = ()
    both: bool = False
    """measured on several classes of device; this is the GPU's number"""
    optimised: bool = False
    """the model or its loss was trained on this very metric"""
    rank: int | None = None
    tied: bool = False

    @property
    def status(self) -> Literal["ok", "partial", "failed", "dash", "missing"]:
        if self.estimate:
            return "partial" if self.failed or self.reasons else "ok"
        return "failed" if self.failed else "dash" if self.reasons else "missing"


class Failure(NamedTuple):
    entrant: Entrant
    dataset: str
    regime: str
    kind: str
    message: str


class Dash(NamedTuple):
    dataset: str
    metric: str
    """its title"""
    reason: str


Ranks = Mapping[tuple[Entrant, Column], int]
ColumnKey = tuple[str, str, str]
"""Dataset, metric and variant: a column in short, which a million numbers look up."""


class Collected:
    """What the runs say, by where it stands on the board."""

    def __init__(self, runs: Sequence[Run], shown: Sequence[Measure]) -> None:
        self.shown = {measure.name: measure for measure in shown}
        self.numbers: dict[ColumnKey, dict[Entrant, dict[int, Number]]] = defaultdict(lambda: defaultdict(dict))
        self.both: set[tuple[Entrant, ColumnKey]] = set()
        self.variants: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.reasons: dict[tuple[str, str], dict[Entrant, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.failed: dict[tuple[str, str], Counter[Entrant]] = defaultdict(Counter)
        self.failures: dict[Failure, set[int]] = defaultdict(set)
        self.dashes: dict[Dash, set[Entrant]] = defaultdict(set)
        self.seeds: dict[str, set[int]] = defaultdict(set)
        for run in comparable.one_per_trial(runs):
            self._take(run)
        for run in sorted(runs, key=lambda run: run.started):  # of two runs on one machine, the newer counts
            for number in run.costs:
                self._put(run, number)

    def columns(self, dataset: str, measure: Measure, leading: bool) -> list[Column]:
        """One per variant; where there is no number, one if there is something to say about that."""
        variants = self.variants.get((dataset, measure.name), set())
        failed = leading and (dataset, measure.regime) in self.failed
        if not variants and (failed or (dataset, measure.name) in self.reasons):
            variants = {""}
        return [Column(dataset, measure, variant) for variant in sorted(variants)]

    def samples(self, columns: Sequence[Column]) -> dict[tuple[Entrant, Column], Sample]:
        return {(e, c): _sample(own) for c in columns for e, own in self.numbers.get(_short(c), {}).items()}

    def cells(
        self, columns: Sequence[Column], estimates: Mapping[tuple[Entrant, Column], Estimate], ranks: Ranks
    ) -> Iterator[tuple[tuple[Entrant, Column], Cell]]:
        """Every cell that has something to say, by column and then by entrant."""
        sharing = Counter((column, rank) for (_, column), rank in ranks.items())
        for column in columns:
            failed: Mapping[Entrant, int] = self.failed.get((column.dataset, column.measure.regime), {})
            reasons = self.reasons.get((column.dataset, column.measure.name), {})
            place = _short(column)
            numbers = self.numbers.get(place, {})
            for entrant in sorted({*numbers, *failed, *reasons}):
                at, own = (entrant, column), numbers.get(entrant, {}).values()
                sizes, rank = {number.n for number in own}, ranks.get((entrant, column))
                yield (
                    at,
                    Cell(
                        estimate=estimates.get(at),
                        n=sizes.pop() if len(sizes) == 1 else None,
                        failed=failed.get(entrant, 0),
                        reasons=tuple(sorted(reasons.get(entrant, ()))),
                        both=(entrant, place) in self.both,
                        optimised=any(number.optimised for number in own),
                        rank=rank,
                        tied=rank is not None and sharing[column, rank] > 1,
                    ),
                )

    def _take(self, run: Run) -> None:
        self.seeds[run.regime].add(run.seed)
        for number in run.numbers:
            self._put(run, number)
        if run.status != "ok":
            self.failed[run.dataset, run.regime][run.entrant] += 1
            self.failures[Failure(run.entrant, run.dataset, run.regime, run.kind, run.message)].add(run.seed)

    def _put(self, run: Run, number: Number) -> None:
        measure = self.shown.get(number.measure.name)
        if measure is None:
            return
        if number.value is None:
            self.reasons[run.dataset, measure.name][run.entrant].add(number.reason)
            self.dashes[Dash(run.dataset, measure.title, number.reason)].add(run.entrant)
            return
        place = run.dataset, measure.name, number.variant
        self.numbers[place][run.entrant][run.seed] = number
        self.variants[run.dataset, measure.name].add(number.variant)
        if run.both and measure.verdict != "cost":
            self.both.add((run.entrant, place))


def _short(column: Column) -> ColumnKey:
    return column.dataset, column.measure.name, column.variant


def _sample(by_seed: Mapping[int, Number]) -> Sample:
    seeds = sorted(by_seed)
    numbers = [by_seed[seed] for seed in seeds]
    replicates = [number.replicates for number in numbers if number.replicates is not None]
    errors = [number.error for number in numbers if number.error is not None]
    shared = min(map(len, replicates), default=0)
    return Sample(
        seeds=tuple(seeds),
        values=np.array([number.value for number in numbers], float),
        replicates=np.stack([r[:shared] for r in replicates]) if len(replicates) == len(numbers) else None,
        errors=np.array(errors) if len(errors) == len(numbers) else None,
        patients=min((number.patients for number in numbers if number.patients is not None), default=None),
        classes=max(number.classes for number in numbers),
        widening=max(number.widening for number in numbers),
        freedom=min(number.freedom for number in numbers),
    )
