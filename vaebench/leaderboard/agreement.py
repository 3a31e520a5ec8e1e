"""Agreement of other metrics with the headline on the order of models: Kendall's tau-b on each dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant

LEAST = 3
"""The smallest number of models compared: on only two models, any two metrics agree completely or not at all."""


class Agreement(NamedTuple):
    """The agreement of a column with the headline on the order of models, judged by means alone."""

    lead: Column
    tau: float
    """1: the same order; 0: no agreement beyond chance; -1: the reverse order"""
    models: int


def agreements(
    standings: Sequence[Standing], columns: Sequence[Column], means: Mapping[tuple[Entrant, Column], float]
) -> Iterator[tuple[Column, Agreement]]:
    """Yield the agreement of each column with the headline of its verdict.

    Only references with results for all datasets and seeds count, so that all are compared on the same seeds. A column
    whose numbers are all equal, such as the column of a floor metric, is left out because it gives no order."""
    for standing in (one for one in standings if is_ranked(one.measure)):
        for lead in standing.main:
            for column in columns:
                if column == lead or _asked(column) != _asked(lead):
                    continue
                able = [e for e in standing.complete if (e, column) in means]
                numbers = [[means[e, one] for e in able] for one in (lead, column)]
                tau = kendall(*numbers) if len(able) >= LEAST else None
                if tau is not None:
                    alike = column.measure.better == lead.measure.better
                    yield column, Agreement(lead, tau if alike else -tau, len(able))


def _asked(column: Column) -> tuple[str, str, str]:
    return column.dataset, column.measure.verdict, column.measure.regime


def kendall(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Kendall's tau-b, which counts ties as neither agreement nor disagreement; None if x or y is constant."""
    one, two = (np.greater.outer(own, own).astype(int) - np.less.outer(own, own) for own in (x, y))
    untied = int(np.abs(one).sum()) * int(np.abs(two).sum())
    return int((one * two).sum()) / math.sqrt(untied) if untied else None
