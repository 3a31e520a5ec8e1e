"""Compares two entrants of a board: which is better in each verdict, by how much, and whether significantly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Collected
from vaebench.leaderboard.comparable import comparable
from vaebench.leaderboard.ranks import Column, Samples, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant, Run
from vaebench.leaderboard.statistics import Estimate, estimate
from vaebench.leaderboard.training import difference


class Pair(NamedTuple):
    """The comparison of two entrants by one headline on one dataset."""

    column: Column
    better_by: Estimate | None
    """how much better the first entrant is on the same seeds and patients; negative if it is worse"""
    apart: bool | None
    """whether they differ significantly: by the board's ranks or, if one of them is not a reference, by the interval of
    their difference; None if there is no test"""


def pairs(board: Board, runs: Sequence[Run], one: Entrant, other: Entrant) -> Iterator[Pair]:
    """Yield a comparison for each headline and dataset of the board; `runs` are those from which the board was made."""
    found = comparable(runs, board.rules)
    standings = [standing for standing in board.standings if is_ranked(standing.measure)]
    wanted = {standing.measure for standing in standings}
    collected = Collected(found.runs, {mine: own for mine, own in found.measures.items() if own in wanted})
    for standing in standings:
        samples = collected.samples(standing.main)
        for column in standing.main:
            yield _pair(board, standing, column, samples, (one, other))


def _pair(board: Board, standing: Standing, column: Column, samples: Samples, both: tuple[Entrant, Entrant]) -> Pair:
    first, second = (samples.get((entrant, column)) for entrant in both)
    if not first or not second or first.seeds != second.seeds:
        return Pair(column, None, None)
    by = estimate(difference([first], second, 1 if column.measure.better == "higher" else -1))
    ranked = [e for e, where in standing.places if where == column and board.role(e) == "reference"]
    if all(entrant in ranked for entrant in both):
        apart = standing.apart.get(column)
        return Pair(column, by, bool(apart is not None and apart[ranked.index(both[0]), ranked.index(both[1])]))
    if by.low is None or by.high is None or len(first.seeds) < 2:
        return Pair(column, by, None)
    return Pair(column, by, not by.low <= 0 <= by.high)
