"""The rank intervals in a verdict: those of references among themselves, and of newcomers among the references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.contest import Label, Place, contest, place_newcomers
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import COSTS, LEAD_COST, VERDICTS, Entrant, Measure
from vaebench.leaderboard.statistics import Sample


class Column(NamedTuple):
    """A column of comparable numbers: one metric in one variant on one dataset."""

    dataset: str
    measure: Measure
    variant: str
    """what the header shows after the metric's name; for costs that depend on the machine, the machine"""


At = tuple[Entrant, Column]
Samples = Mapping[At, Sample]


@dataclass(frozen=True)
class Standing:
    """The order of entrants by a verdict's headline over all datasets. Newcomers and floors affect no other row."""

    measure: Measure
    columns: tuple[Column, ...]
    order: tuple[Entrant, ...]
    """best mean first; entrants that lack a dataset or seed come last"""
    full: frozenset[Entrant]
    """the entrants that lack no dataset and no seed"""
    main: tuple[Column, ...] = ()
    """for each dataset, the column in which entrants are compared"""
    complete: tuple[Entrant, ...] = ()
    """the references among `full`"""
    places: Mapping[At, Place] = field(default_factory=dict)
    best: Mapping[Column, Entrant] = field(default_factory=dict)
    """the reference with the best mean"""
    labels: Mapping[At, Label] = field(default_factory=dict)
    """how a reference compares with the best one"""
    gaps: Mapping[Column, float] = field(default_factory=dict)
    """the smallest true difference that the column would have detected"""
    mean_rank: Mapping[Entrant, float] = field(default_factory=dict)
    """for ranked references, the mean over datasets of their position by mean value"""
    lacks: Mapping[Entrant, str] = field(default_factory=dict)
    """why an entrant is not ranked"""
    apart: Mapping[Column, np.ndarray] = field(default_factory=dict, compare=False)
    """(M, M): which references differ significantly, in the order in which they stand in `places`"""

    def interval(self, entrant: Entrant) -> tuple[float, float] | tuple[None, None]:
        """Return the mean lower and upper ends of an entrant's rank intervals; None if a dataset has no interval."""
        own = [self.places[entrant, column] for column in self.main if (entrant, column) in self.places]
        if not own or len(own) < len(self.main):
            return None, None
        return float(np.mean([place.low for place in own])), float(np.mean([place.high for place in own]))


def is_ranked(measure: Measure) -> bool:
    """Return whether a metric is ranked. Costs are not ranked: they also depend on other work on the machine."""
    return measure.verdict != "cost"


def leads(shown: Sequence[Measure], rules: Rules, by_name: bool) -> dict[str, Measure]:
    """Return a mapping from verdict to the metric that ranks it: the headline or, if `by_name`, the first shown."""
    found = {}
    for verdict in VERDICTS:
        own = [measure for measure in shown if measure.verdict == verdict]
        headline = LEAD_COST if verdict == "cost" else rules.headline.get(verdict)
        if not by_name:
            own = [m for m in own if m.name == headline and (m.name in COSTS or m.name in rules.measures)]
        if own:
            found[verdict] = own[0]
    return found


def stand(
    measure: Measure, columns: Sequence[Column], entrants: Sequence[Entrant], rules: Rules, samples: Samples
) -> Standing:
    references = [e for e in entrants if rules.role(e) == "reference"]
    pool = [e for e in references if any((e, column) in samples for column in columns)] or entrants
    main = _main_columns(columns, pool, rules, samples)
    lacks = {}
    for entrant in entrants:
        full = sum(_covers(samples.get((entrant, column)), column, rules) for column in main)
        if full < len(main) and not entrant.floor:
            lacks[entrant] = f"{full} of {len(main)} dataset{'s' if len(main) != 1 else ''} with every seed"
    complete = tuple(e for e in references if e not in lacks and main)
    position = _positions(measure, main, entrants, references, rules, samples)
    order = tuple(sorted(entrants, key=lambda e: (e in lacks, *position[e], e)))
    whole = frozenset(e for e in entrants if e not in lacks)
    if not is_ranked(measure):
        return Standing(measure, tuple(columns), order, whole, tuple(main), complete, lacks=lacks)
    best: dict[Column, Entrant] = {}
    places: dict[At, Place] = {}
    labels: dict[At, Label] = {}
    gaps: dict[Column, float] = {}
    apart: dict[Column, np.ndarray] = {}
    for column in main:
        able = [e for e in references if _covers(samples.get((e, column)), column, rules)]
        if not able:
            continue
        held = contest([samples[e, column] for e in able], measure.better, rules.margins.get(measure.name))
        sign = 1 if measure.better == "higher" else -1
        best[column] = max(able, key=lambda e: (sign * samples[e, column].values.mean(), e))
        if held.places is None:
            continue
        places |= {(e, column): place for e, place in zip(able, held.places, strict=True)}
        labels |= {(e, column): own for e, own in zip(able, held.labels, strict=True) if own}
        if held.apart is not None:
            apart[column] = held.apart
        if held.gap is not None:
            gaps[column] = held.gap
        new = [e for e in entrants if rules.role(e) == "newcomer" and _covers(samples.get((e, column)), column, rules)]
        placed = place_newcomers([samples[e, column] for e in new], held)
        places |= {(e, column): place for e, place in zip(new, placed, strict=True) if place}
    ranked = [e for e in complete if all((e, column) in places for column in main)]
    mean_rank = {e: position[e][0] for e in ranked}
    return Standing(
        measure,
        tuple(columns),
        order,
        whole,
        tuple(main),
        complete,
        places,
        best,
        labels,
        gaps,
        mean_rank,
        lacks,
        apart,
    )


def _main_columns(columns: Sequence[Column], pool: Sequence[Entrant], rules: Rules, samples: Samples) -> list[Column]:
    """Return one column for each dataset that has numbers: the variant with the most complete references."""
    filled: dict[str, list[tuple[int, Column]]] = defaultdict(list)
    for column in columns:
        own = [sample for entrant in pool if (sample := samples.get((entrant, column)))]
        if own:
            filled[column.dataset].append((-sum(_covers(sample, column, rules) for sample in own), column))
    return [min(variants)[1] for variants in filled.values()]


def _covers(sample: Sample | None, column: Column, rules: Rules) -> bool:
    due = rules.due(column.dataset, column.measure.regime)
    return sample is not None and (not due or sample.seeds == due)


def _positions(
    measure: Measure,
    columns: Sequence[Column],
    entrants: Sequence[Entrant],
    references: Sequence[Entrant],
    rules: Rules,
    samples: Samples,
) -> dict[Entrant, tuple[float, float]]:
    """Return each entrant's mean place among the references and, if there is only one dataset, its mean value."""
    places: dict[Entrant, list[int]] = {entrant: [] for entrant in entrants}
    values: dict[Entrant, float] = {}
    sign = -1 if measure.better == "higher" else 1
    for column in columns:
        means = {e: sign * float(samples[e, column].values.mean()) for e in entrants if (e, column) in samples}
        own = sorted(means[e] for e in references if e in means and _covers(samples[e, column], column, rules))
        for entrant, mean in means.items():
            places[entrant].append(1 + int(np.searchsorted(own, mean)))
            values[entrant] = mean if len(columns) == 1 else 0.0
    last = float(len(entrants) + 1)
    return {e: (float(np.mean(own)) if own else last, values.get(e, 0.0)) for e, own in places.items()}
