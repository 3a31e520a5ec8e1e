"""Quality against cost: the models that nothing else, floors included, beats in both, on each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import LEAD_COST, Entrant

Means = Mapping[tuple[Entrant, Column], float]


class Front(NamedTuple):
    """The Pareto front of one column of quality and one of training time, by means alone."""

    quality: Column
    cost: Column
    entrants: tuple[Entrant, ...]
    """the fastest first; each further one is better; none where floors beat every model in both"""


def fronts(
    standings: Sequence[Standing], columns: Sequence[Column], means: Means, floors: Sequence[Entrant] = ()
) -> Iterator[Front]:
    """One for every column that ranks and every class of device, of those who rank and of the same trained models:
    times are taken where models see all images, so what healthy ones alone have taught has none. A model that a floor
    beats in both is not on it; a floor never is."""
    times = [column for column in columns if column.measure.name == LEAD_COST]
    for standing in (one for one in standings if is_ranked(one.measure)):
        for quality in standing.main:
            for cost in times:
                if (quality.dataset, quality.measure.regime) == (cost.dataset, cost.measure.regime):
                    models, trivial = (
                        [e for e in entrants if (e, quality) in means and (e, cost) in means]
                        for entrants in (standing.complete, floors)
                    )
                    sign = 1 if quality.measure.better == "higher" else -1
                    points = {e: (means[e, cost], -sign * means[e, quality]) for e in (*models, *trivial)}
                    if len(models) > 1:
                        yield Front(quality, cost, tuple(e for e in undominated(points) if e in models))


def undominated(points: Mapping[Entrant, tuple[float, float]]) -> Iterator[Entrant]:
    """Who has no other that is as low in both and lower in one; equal points stand or fall together."""
    best, last = float("inf"), None
    for entrant, point in sorted(points.items(), key=lambda item: (item[1], item[0])):
        if point[1] < best or point == last:
            yield entrant
            best, last = point[1], point
