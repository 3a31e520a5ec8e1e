"""Floors: what a method must beat to have shown anything. They have no rank; a row says which of them it beats.

Some are models of the suite. The others need no model and stand in the headline's column alone: metrics that the suite
names, and the best shortcut that the records hold of a dataset.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.contest import LEAST_SEEDS, contest
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Run
from vaebench.leaderboard.statistics import Sample, estimate

SHORTCUT = Entrant("", "", "best shortcut")


class Shortcut(NamedTuple):
    """What needs no anatomy: something trivial about an image that tells healthy from diseased."""

    name: str
    auroc: float


def shortcuts(runs: Sequence[Run], rules: Rules) -> Iterator[tuple[str, tuple[Shortcut, ...]]]:
    """Their medians over the records of what the suite names: no newcomer can change them."""
    told: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if rules.role(run.entrant) != "newcomer":
            for name, auroc in run.shortcuts:
                told[run.dataset][name].append(auroc)
    for dataset, by_name in sorted(told.items()):
        found = [Shortcut(name, float(np.median(own))) for name, own in by_name.items()]
        yield dataset, tuple(sorted(found, key=lambda one: (-one.auroc, one.name)))


def takes_shortcuts(column: Column) -> bool:
    """Whether its numbers are AUROCs of anomaly scores, which shortcuts can be compared with."""
    measure = column.measure
    return measure.verdict == "anomaly" and measure.better == "higher" and not measure.unit


def floor_samples(
    rules: Rules, columns: Sequence[Column], samples: Mapping[tuple[Entrant, Column], Sample]
) -> Iterator[tuple[tuple[Entrant, Column], Sample]]:
    """The floors that are metrics, in the columns of their verdict's headline. Every model has the same number, so the
    median one of what the suite names is taken."""
    for lead in columns:
        verdict = lead.measure.verdict
        if rules.headline.get(verdict) != lead.measure.name:
            continue
        for name in rules.floor_metrics.get(verdict, ()):
            if name not in rules.measures:
                continue
            found = [
                sample
                for (entrant, column), sample in samples.items()
                if (column.dataset, column.measure.name) == (lead.dataset, name) and rules.role(entrant) != "newcomer"
            ]
            if found:
                most = max(len(sample.seeds) for sample in found)
                whole = sorted((s for s in found if len(s.seeds) == most), key=lambda s: float(s.values.mean()))
                yield (Entrant("", "", rules.measures[name].title), lead), whole[(len(whole) - 1) // 2]


def beaten(
    standing: Standing,
    floors: Sequence[Entrant],
    samples: Mapping[tuple[Entrant, Column], Sample],
    best: Mapping[str, Sequence[Shortcut]],
) -> dict[tuple[Entrant, Column], tuple[Entrant, ...]]:
    """Ranked row and column -> the floors that it beats there, each by a test of its own at 5 %. A shortcut is a fixed
    number: it is beaten by an interval that ends above it."""
    found = {}
    for entrant, column in standing.places:
        mine = samples[entrant, column]
        own = [one for one in floors if (one, column) in samples and _beats(mine, samples[one, column], column)]
        trivial = best.get(column.dataset, ()) if takes_shortcuts(column) else ()
        low = estimate(mine).low
        if trivial and low is not None and low > trivial[0].auroc:
            own.append(SHORTCUT)
        found[entrant, column] = tuple(own)
    return found


def _beats(mine: Sample, floor: Sample, column: Column) -> bool:
    if mine.seeds != floor.seeds or len(mine.seeds) < LEAST_SEEDS:
        return False
    places = contest([mine, floor], column.measure.better).places
    return places is not None and places[0].high < places[1].low
