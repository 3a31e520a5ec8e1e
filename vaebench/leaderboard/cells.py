"""Collects what runs contribute to each cell of a board: numbers, failures, and reasons why a number is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vaebench.leaderboard import comparable
from vaebench.leaderboard.contest import Label, Place
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant, Measure, Number, Run
from vaebench.leaderboard.statistics import Estimate, Sample

N, OPTIMISED, WARNING = map(Number._fields.index, ("n", "optimised", "warning"))


@dataclass(frozen=True)
class Cell:
    """The result of one entrant in one column: a number, or the reasons why there is none."""

    estimate: Estimate | None = None
    n: int | None = None
    failed: int = 0
    """trials that ended without a result"""
    reasons: tuple[str, ...] = ()
    both: bool = False
    """measured on several device classes (CPU and GPU); the GPU's number is shown"""
    optimised: bool = False
    """the model or its loss optimises this metric in training"""
    place: Place | None = None
    """the rank interval"""
    best: bool = False
    """whether this is the best mean among the references"""
    label: Label | None = None
    """how a reference compares with the one that has the best mean"""
    beats: tuple[str, ...] = ()
    """the floors that a ranked row beats"""
    detail: str = ""
    """in the row of the best shortcut: the name of the shortcut"""
    few_images: bool = False
    """whether there are fewer images than the metric needs"""
    warnings: tuple[str, ...] = ()
    """reasons to read the number with caution"""

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
    """the title of the metric"""
    reason: str


class Collected:
    """The numbers, failures and reasons found in runs, by row and column of the board."""

    def __init__(self, runs: Sequence[Run], shown: Mapping[Measure, Measure]) -> None:
        self.shown = shown
        self.numbers: dict[Column, dict[Entrant, dict[int, Number]]] = defaultdict(lambda: defaultdict(dict))
        self.both: set[tuple[Entrant, Column]] = set()
        self.variants: dict[tuple[str, Measure], set[str]] = defaultdict(set)
        self.reasons: dict[tuple[str, Measure], dict[Entrant, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.failed: dict[tuple[str, str], Counter[Entrant]] = defaultdict(Counter)
        self.failures: dict[Failure, set[int]] = defaultdict(set)
        self.dashes: dict[Dash, set[Entrant]] = defaultdict(set)
        self._known: dict[tuple[str, int, str], dict[Entrant, dict[int, Number]]] = {}
        for run in comparable.one_per_trial(runs):
            self._take(run)
        for run in sorted(runs, key=lambda run: run.started):  # of two runs on the same machine, the newer one counts
            for number in run.costs:
                self._put(run, number)

    def columns(self, dataset: str, measure: Measure, leading: bool, always: bool) -> list[Column]:
        """Return a column for each variant that has numbers.

        If no variant has numbers, return a single column if `always` is set or if there are failures or reasons."""
        variants = self.variants.get((dataset, measure), set())
        failed = leading and (dataset, measure.regime) in self.failed
        if not variants and (always or failed or (dataset, measure) in self.reasons):
            variants = {""}
        return [Column(dataset, measure, variant) for variant in sorted(variants)]

    def samples(self, columns: Sequence[Column]) -> dict[tuple[Entrant, Column], Sample]:
        return {(e, c): _sample(own) for c in columns for e, own in self.numbers.get(c, {}).items()}

    def cells(
        self, columns: Sequence[Column], estimates: Mapping[tuple[Entrant, Column], Estimate]
    ) -> Iterator[tuple[tuple[Entrant, Column], Cell]]:
        """Yield every cell that is not empty, ordered by column and then by entrant."""
        for column in columns:
            failed: Mapping[Entrant, int] = self.failed.get((column.dataset, column.measure.regime), {})
            reasons = self.reasons.get((column.dataset, column.measure), {})
            numbers = self.numbers.get(column, {})
            for entrant in sorted({*numbers, *failed, *reasons}):
                at, own = (entrant, column), numbers.get(entrant, {}).values()
                fields = list(zip(*own, strict=True)) or [()] * len(Number._fields)
                sizes, optimised, warnings = set(fields[N]), fields[OPTIMISED], {*fields[WARNING]} - {""}
                yield (
                    at,
                    Cell(
                        estimate=estimates.get(at),
                        n=next(iter(sizes)) if len(sizes) == 1 else None,
                        failed=failed.get(entrant, 0),
                        reasons=tuple(sorted(reasons.get(entrant, ()))),
                        both=at in self.both,
                        optimised=any(optimised),
                        few_images=any(n is not None and n < column.measure.least_images for n in sizes),
                        warnings=tuple(sorted(warnings)),
                    ),
                )

    def _take(self, run: Run) -> None:
        for number in run.numbers:
            self._put(run, number)
        if run.status != "ok":
            self.failed[run.dataset, run.regime][run.entrant] += 1
            self.failures[Failure(run.entrant, run.dataset, run.regime, run.kind, run.message)].add(run.seed)

    def _put(self, run: Run, number: Number) -> None:
        at = run.dataset, id(number.measure), number.variant  # hashing a measure takes long
        if (known := self._known.get(at)) is not None and number.value is not None and not run.both:
            known[run.entrant][run.seed] = number
            return
        measure = self.shown.get(number.measure)
        if measure is None:
            return
        if number.value is None:
            self.reasons[run.dataset, measure][run.entrant].add(number.reason)
            self.dashes[Dash(run.dataset, measure.title, number.reason)].add(run.entrant)
            return
        place = Column(run.dataset, measure, number.variant)
        self._known[at] = self.numbers[place]
        self.numbers[place][run.entrant][run.seed] = number
        self.variants[run.dataset, measure].add(number.variant)
        if run.both and measure.verdict != "cost":
            self.both.add((run.entrant, place))


def _sample(by_seed: Mapping[int, Number]) -> Sample:
    seeds = sorted(by_seed)
    numbers = zip(*(by_seed[seed] for seed in seeds), strict=True)  # grouped by field, which is faster than by number
    _, values, _, _, errors, _, drawn, _, patients, classes, widening, freedom, *_ = numbers
    replicates = [one for one in drawn if one is not None]
    shared = min(map(len, replicates), default=0)
    return Sample(
        seeds=tuple(seeds),
        values=np.array(values, float),
        replicates=np.array([r[:shared] for r in replicates]) if len(replicates) == len(seeds) else None,
        errors=None if None in errors else np.array(errors),
        patients=min((one for one in patients if one is not None), default=None),
        classes=max(classes),
        widening=max(widening),
        freedom=min(freedom),
    )
