"""Who ranks in a verdict: entrants that cover every dataset and seed, told apart by significant differences only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.contest import LEAST_SEEDS, contest
from vaebench.leaderboard.runs import VERDICTS, Entrant, Measure
from vaebench.leaderboard.statistics import Sample, rank_spread


class Column(NamedTuple):
    """Numbers that may be compared: one metric in one variant on one dataset."""

    dataset: str
    measure: Measure
    variant: str
    """what the title must say beside the metric's name; for costs of a machine, the machine"""


Samples = Mapping[tuple[Entrant, Column], Sample]


@dataclass(frozen=True)
class Standing:
    """One verdict's primary metric over the datasets, and the order it gives."""

    measure: Measure
    columns: tuple[Column, ...]
    order: tuple[Entrant, ...]
    """best first; those that do not rank come last"""
    ranks: Mapping[tuple[Entrant, Column], int]
    """one plus the number of entrants that are significantly better"""
    mean_rank: Mapping[Entrant, float]
    """over the datasets"""
    spread: float | None
    """half a 95 % interval of every mean rank, where there are several datasets"""
    lacks: Mapping[Entrant, str]
    """why an entrant does not rank"""

    def interval(self, entrant: Entrant) -> tuple[float, float] | tuple[None, None]:
        """That of its mean rank, where it has one."""
        if self.spread is None or entrant not in self.mean_rank:
            return None, None
        mean = self.mean_rank[entrant]
        return max(1.0, mean - self.spread), min(float(len(self.mean_rank)), mean + self.spread)


def is_ranked(measure: Measure) -> bool:
    """Costs are shown and not ranked: they tell as much about what else the machine did as about the model."""
    return measure.verdict != "cost"


def leads(shown: Sequence[Measure], by_name: bool) -> dict[str, Measure]:
    """Verdict -> the metric that ranks it: its primary one, or the first where a user named the metrics."""
    found = {}
    for verdict in VERDICTS:
        own = [measure for measure in shown if measure.verdict == verdict and (by_name or measure.primary)]
        if own:
            found[verdict] = own[0]
    return found


def stand(
    measure: Measure, columns: Sequence[Column], entrants: Sequence[Entrant], seeds: Sequence[int], samples: Samples
) -> Standing:
    main = _main_columns(columns, entrants, seeds, samples)
    lacks = {}
    for entrant in entrants:
        full = [column for column in main if _covers(samples.get((entrant, column)), seeds)]
        if len(full) < len(main):
            lacks[entrant] = f"{len(full)} of {len(main)} dataset{'s' if len(main) != 1 else ''} with every seed"
    able = [entrant for entrant in entrants if entrant not in lacks] if is_ranked(measure) else []
    found: dict[tuple[Entrant, Column], int] = {}
    for column in main if able else []:
        own = contest([samples[entrant, column] for entrant in able], measure.better).places
        found |= {(entrant, column): place.low for entrant, place in zip(able, own or (), strict=own is not None)}
    if len(found) < len(able) * len(main):
        lacks |= dict.fromkeys(able, f"fewer than {LEAST_SEEDS} trainings, or fewer than ten patients of a class")
        able = []
    mean_rank = {entrant: float(np.mean([found[entrant, column] for column in main])) for entrant in able if main}
    places = np.array([[found[entrant, column] for entrant in able] for column in main])
    spread = min(rank_spread(places), len(able) - 1.0) if len(main) > 1 and able else None
    position = _positions(measure, main, entrants, samples)
    order = sorted(entrants, key=lambda e: (e not in mean_rank, mean_rank.get(e, 0.0), position[e], e))
    return Standing(measure, tuple(columns), tuple(order), found, mean_rank, spread, lacks)


def _main_columns(
    columns: Sequence[Column], entrants: Sequence[Entrant], seeds: Sequence[int], samples: Samples
) -> list[Column]:
    """One column per dataset that has numbers at all: of several variants, the one that most entrants fill."""
    filled: dict[str, list[tuple[int, Column]]] = defaultdict(list)
    for column in columns:
        own = [sample for entrant in entrants if (sample := samples.get((entrant, column)))]
        if own:
            filled[column.dataset].append((-sum(_covers(sample, seeds) for sample in own), column))
    return [min(variants)[1] for variants in filled.values()]


def _covers(sample: Sample | None, seeds: Sequence[int]) -> bool:
    return sample is not None and sample.seeds == tuple(seeds)


def _positions(
    measure: Measure, columns: Sequence[Column], entrants: Sequence[Entrant], samples: Samples
) -> dict[Entrant, float]:
    """Mean place by value alone: only orders rows that are tied or do not rank, and is shown nowhere."""
    places: dict[Entrant, list[int]] = {entrant: [] for entrant in entrants}
    sign = -1 if measure.better == "higher" else 1
    for column in columns:
        own = [(sign * samples[e, column].values.mean(), e) for e in entrants if (e, column) in samples]
        for place, (_, entrant) in enumerate(sorted(own)):
            places[entrant].append(place)
    return {entrant: float(np.mean(own)) if own else float(len(entrants)) for entrant, own in places.items()}
