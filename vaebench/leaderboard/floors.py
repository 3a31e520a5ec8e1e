"""Floors: rows without a rank that any useful method must beat. Each ranked row lists the floors that it beats.

Some floors are models of the suite. Other floors are not models and are shown only in the headline's column: metrics
that the suite names, and the best shortcut in the records of a dataset.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.contest import contest, place_newcomers
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Run
from vaebench.leaderboard.statistics import Estimate, Sample

SHORTCUT = Entrant("", "", "best shortcut")


class Shortcut(NamedTuple):
    """A trivial property of images that separates healthy from diseased ones without using anatomy."""

    name: str
    auroc: float


def shortcuts(runs: Sequence[Run], rules: Rules) -> Iterator[tuple[str, tuple[Shortcut, ...]]]:
    """Yield the shortcuts of each dataset with their median AUROCs over the records of the suite's models."""
    told: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if rules.role(run.entrant) != "newcomer":
            for name, auroc in run.shortcuts:
                told[run.dataset][name].append(auroc)
    for dataset, by_name in sorted(told.items()):
        found = [Shortcut(name, float(np.median(own))) for name, own in by_name.items()]
        yield dataset, tuple(sorted(found, key=lambda one: (-one.auroc, one.name)))


def takes_shortcuts(column: Column) -> bool:
    """Return whether a column has AUROCs of anomaly scores, which can be compared with shortcuts."""
    measure = column.measure
    return measure.verdict == "anomaly" and measure.better == "higher" and not measure.unit


def floor_samples(
    rules: Rules, columns: Sequence[Column], samples: Mapping[tuple[Entrant, Column], Sample]
) -> Iterator[tuple[tuple[Entrant, Column], Sample]]:
    """Yield the floors that are computed as metrics, each for the column of its verdict's headline metric.

    These metrics do not depend on the model; where values still differ, the median of the suite's models is used."""
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
    estimates: Mapping[tuple[Entrant, Column], Estimate],
    best: Mapping[str, Sequence[Shortcut]],
) -> dict[tuple[Entrant, Column], tuple[Entrant, ...]]:
    """Return a mapping from ranked row and column to the floors that the row beats, each by a separate test at 5 %.

    A shortcut is a fixed number: it is beaten if the row's whole interval lies above it."""
    ranked: dict[Column, list[Entrant]] = defaultdict(list)
    for entrant, column in standing.places:
        ranked[column].append(entrant)
    found: dict[tuple[Entrant, Column], tuple[Entrant, ...]] = dict.fromkeys(standing.places, ())
    for column, rows in ranked.items():
        for floor in floors:
            if (floor, column) in samples:
                alone = contest([samples[floor, column]], column.measure.better)
                placed = place_newcomers([samples[entrant, column] for entrant in rows], alone)
                for entrant, place in zip(rows, placed, strict=True):
                    if place and place.high == 1:
                        found[entrant, column] += (floor,)
        trivial = best.get(column.dataset, ()) if takes_shortcuts(column) else ()
        for entrant in rows if trivial else ():
            low = estimates[entrant, column].low
            if low is not None and low > trivial[0].auroc:
                found[entrant, column] += (SHORTCUT,)
    return found
