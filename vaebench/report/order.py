"""The order of rows: by mean or, for several columns, by the average place of their means among the references."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant, Measure


def by_means(board: Board, columns: Sequence[Column], entrants: Sequence[Entrant]) -> list[Entrant]:
    """Sort entrants by their means, best first; rows that lack a number or a seed come last.

    Newcomers and floors do not change the places of references: each of them is placed after the references that are
    better and before those that are not."""
    places: dict[Entrant, list[float]] = {entrant: [] for entrant in entrants}
    values: dict[Entrant, float] = {}
    for column in columns:
        sign = -1 if column.measure.better == "higher" else 1
        rows = board.by_column.get(column, {})
        means = {e: sign * cell.estimate.mean for e, cell in rows.items() if cell.estimate}
        able = {e for e in means if board.role(e) == "reference" and _has_seeds(board, e, column)}
        held = sorted(means[e] for e in able)
        for entrant in places.keys() & means.keys():
            between = 0 if entrant in able else -0.5
            places[entrant].append(1 + between + bisect_left(held, means[entrant]))
            values[entrant] = means[entrant] if len(columns) == 1 else 0.0

    def key(entrant: Entrant) -> tuple[bool, float, float, Entrant]:
        own = places[entrant]
        place = sum(own) / len(own) if own else math.inf
        return not has_every_seed(board, entrant, columns), place, values.get(entrant, 0.0), entrant

    return sorted(entrants, key=key)


def has_every_seed(board: Board, entrant: Entrant, columns: Sequence[Column]) -> bool:
    """Return whether an entrant has numbers for all required seeds in each column.

    For a floor that is not a model, a number in any of the columns is enough."""
    held = (_has_seeds(board, entrant, column) for column in columns)
    return any(held) if entrant.floor else all(held)


def _has_seeds(board: Board, entrant: Entrant, column: Column) -> bool:
    found = board.cell(entrant, column).estimate
    due = 0 if entrant.floor else len(board.rules.due(column.dataset, column.measure.regime))
    return found is not None and found.seeds >= due


def main_column(board: Board, dataset: str, measure: Measure) -> Column | None:
    """Return a metric's column on a dataset; of several variants, the one that most of the suite's models have."""
    own = [column for column in board.columns if (column.dataset, column.measure) == (dataset, measure)]

    def filled(column: Column) -> int:
        rows = board.by_column.get(column, {})
        return sum(cell.estimate is not None for e, cell in rows.items() if board.role(e) != "newcomer")

    return max(own, key=lambda column: (filled(column), column.variant), default=None)
