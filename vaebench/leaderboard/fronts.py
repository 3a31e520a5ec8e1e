"""Quality against cost: on each dataset, the models that no other model and no floor beats in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import LEAD_COST, Entrant

Means = Mapping[tuple[Entrant, Column], float]


class Front(NamedTuple):
    """The Pareto front of a quality column and a training-time column, by means alone."""

    quality: Column
    cost: Column
    entrants: tuple[Entrant, ...]
    """fastest first; each following model is slower but better; empty if floors beat every model in both columns"""


def fronts(
    standings: Sequence[Standing], columns: Sequence[Column], means: Means, floors: Sequence[Entrant] = ()
) -> Iterator[Front]:
    """Yield the front of the complete references for every headline column and every device class.

    Floors, and models that a floor beats in both quality and time, are not on the front. Quality and time must
    come from the same trained models. Times are recorded for models trained on all images, so there is no front for
    models trained on healthy images only."""
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
    """Yield the Pareto-optimal entrants, where lower is better; of equal points, all or none are yielded."""
    best, last = float("inf"), None
    for entrant, point in sorted(points.items(), key=lambda item: (item[1], item[0])):
        if point[1] < best or point == last:
            yield entrant
            best, last = point[1], point
