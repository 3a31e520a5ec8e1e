"""The outcome of each verdict: the best model, the others that could be first too, and the floors that are beaten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.records.clean import clean
from vaebench.report.order import by_means, has_every_seed
from vaebench.report.tables import floors


@dataclass(frozen=True)
class Outcome:
    """The result of one verdict over the datasets that a board, or a part of it, shows."""

    standing: Standing
    columns: tuple[Column, ...]
    """the headline on each dataset, or only on those that have ranks, if any has"""
    unranked: tuple[Column, ...]
    """the headline on the other datasets"""
    best: Entrant
    ranked: tuple[Entrant, ...]
    """the references that have a rank on every dataset, best mean first"""
    rivals: dict[Column, tuple[Entrant, ...]]
    """dataset -> ranked models other than `best` that could also be first on it, if there are any"""
    above: tuple[Entrant, ...]
    """ranked models that beat every floor on every dataset"""
    beaten: dict[Column, dict[str, int]]
    """dataset -> floor -> the number of ranked models that beat it"""

    @property
    def verdict(self) -> str:
        return self.standing.measure.verdict


def outcomes(board: Board) -> Iterator[Outcome]:
    """Yield an outcome for each verdict that is ranked and has at least one reference with all its numbers."""
    for standing in board.standings:
        shown = tuple(column for column in standing.main if column in standing.columns)
        with_ranks = {column for _, column in standing.places}
        columns = tuple(column for column in shown if column in with_ranks) or shown
        references = [e for e in board.entrants if board.role(e) == "reference" and has_every_seed(board, e, columns)]
        if not is_ranked(standing.measure) or not columns or not references:
            continue
        complete, places = by_means(board, columns, references), standing.places
        ranked = [e for e in complete if all((e, column) in places for column in columns)]
        best = (ranked or complete)[0]
        beaten = {column: _beaten(board, column, ranked) for column in columns if floors(board, column)}
        yield Outcome(
            standing,
            columns,
            tuple(column for column in shown if column not in columns),
            best,
            tuple(ranked),
            {
                column: rivals
                for column in columns
                if (rivals := tuple(e for e in ranked if e != best and places[e, column].low == 1))
            },
            tuple(e for e in ranked if beaten and not any(_missed(board, column, e) for column in columns)),
            beaten if ranked else {},
        )


def worse_than_chance(board: Board, column: Column, models: Iterable[Entrant]) -> dict[Entrant, float]:
    """Return the means of those models whose whole interval is worse than the value of a method without information."""
    chance, sign = board.rules.chance.get(column.measure.name), 1 if column.measure.better == "higher" else -1
    if chance is None:
        return {}
    known = {e: estimate for e in models if (estimate := board.cell(e, column).estimate)}
    ends = {e: (own.high if sign > 0 else own.low) for e, own in known.items()}
    return {e: known[e].mean for e, end in ends.items() if end is not None and sign * (chance - end) > 0}


def _beaten(board: Board, column: Column, ranked: Sequence[Entrant]) -> dict[str, int]:
    """Return a mapping from each floor in a column to the number of ranked models that beat it."""
    cells = [board.cell(entrant, column) for entrant in ranked]
    return {clean(floor): sum(floor in cell.beats for cell in cells) for floor in floors(board, column)}


def _missed(board: Board, column: Column, entrant: Entrant) -> set[str]:
    """Return the floors in a column that the entrant does not beat."""
    return set(floors(board, column)) - set(board.cell(entrant, column).beats)
