"""The sentences on each verdict: the best model or that there is no winner, and the floors that are beaten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import CODE_SIZE, Entrant
from vaebench.records.clean import clean
from vaebench.report.numbers import decimals_in, plain, short
from vaebench.report.order import by_means, has_every_seed, main_column
from vaebench.report.tables import dataset_name, floors, name

NAMED = 3
"""The largest number of models that a sentence names; from a longer list, it names fewer and counts the rest."""


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
    equal: tuple[Entrant, ...]
    """ranked models other than `best` that may also rank first on every dataset"""
    above: tuple[Entrant, ...]
    """ranked models that beat every floor on every dataset"""
    beaten: dict[str, int]
    """floor -> the number of ranked models that beat it on every dataset"""

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
        lost = {e: _lost(board, columns, e) for e in ranked}
        known = dict.fromkeys(clean(floor) for column in columns for floor in floors(board, column))
        yield Outcome(
            standing,
            columns,
            tuple(column for column in shown if column not in columns),
            best,
            tuple(ranked),
            tuple(e for e in ranked if e != best and all(places[e, column].low == 1 for column in columns)),
            tuple(e for e in ranked if known and not lost[e]),
            {floor: sum(floor not in own for own in lost.values()) for floor in known} if ranked else {},
        )


def sentences(board: Board) -> Iterator[str]:
    """Yield a few sentences for each verdict: the first model or that there is no winner, the floors, and the gap."""
    for one in outcomes(board):
        parts = [
            _first(board, one),
            *_floors(board, one),
            *_optimised(board, one),
            *_code_sizes(board, one),
            *_gap(one),
            *_unranked(board, one),
        ]
        where = f" on {_datasets(board, one.columns)}" if one.unranked else ""
        yield f"{one.verdict.capitalize()}{where}: {' '.join(parts)}"


def _optimised(board: Board, one: Outcome) -> Iterator[str]:
    """Say which of the models that the other sentences praise were trained on the metric itself."""
    praised = dict.fromkeys((one.best, *one.above))
    own = [e for e in praised if any(board.cell(e, column).optimised for column in one.columns)]
    if own:
        who = _joined([name(board, entrant) for entrant in own], "and")
        yield f"{who} {'was' if len(own) == 1 else 'were'} trained on this metric."


def _unranked(board: Board, one: Outcome) -> Iterator[str]:
    if one.unranked:
        yield f"On {_datasets(board, one.unranked)}, there are too few seeds or patients for ranks."


def _datasets(board: Board, columns: Sequence[Column]) -> str:
    return _joined([dataset_name(board, column.dataset) for column in columns], "and")


def _lost(board: Board, columns: Sequence[Column], entrant: Entrant) -> set[str]:
    """Return the floors that the entrant fails to beat on at least one dataset."""
    return {
        clean(floor)
        for column in columns
        for floor in floors(board, column)
        if floor not in board.cell(entrant, column).beats
    }


def _first(board: Board, one: Outcome) -> str:
    """Say which model is first or, if others may be first too, begin with that."""
    best, models, tied = name(board, one.best), len(one.ranked), len(one.equal) + 1
    what, value = _mean(board, one)
    where = " on every dataset" if len(one.columns) > 1 else ""
    if one.equal:
        who = f"{tied} of {models} models"
        if tied == models:
            who = "either model" if models == 2 else f"any of the {models} models"
        return f"No winner: {who} may rank first{where}; the best {what} is {best}'s ({value})."
    if models == 1:
        return f"{best} is the only ranked model ({value})."
    rest = (
        f", and no other model may rank first{where}" if models else "; there are too few seeds or patients for ranks"
    )
    return f"{best} has the best {what} ({value}){rest}."


def _mean(board: Board, one: Outcome) -> tuple[str, str]:
    """Return what the best model is first in, a mean or a mean rank, and its value."""
    columns, title = one.columns, clean(one.standing.measure.title)
    if len(columns) == 1:
        estimate = board.cell(one.best, columns[0]).estimate
        return "mean", f"{title} {plain(estimate.mean, decimals_in(board, columns[0]))}" if estimate else title
    ahead = sum(one.standing.best.get(column) == one.best for column in columns)
    return f"mean rank over {len(columns)} datasets", f"{title}; best on {ahead}"


def _floors(board: Board, one: Outcome) -> Iterator[str]:
    if not one.beaten:
        return
    models, above = len(one.ranked), len(one.above)
    if above == models:
        yield f"{({1: 'It beats', 2: 'Both models beat'}).get(models, 'All models beat')} every floor."
        return
    by_count: dict[int, list[str]] = defaultdict(list)
    for floor, count in one.beaten.items():
        if count < models:
            by_count[count].append(floor)
    if models == 1:
        yield f"It is not shown to beat {_joined(by_count[0], 'or')}."
        return
    nobody = "Neither model is shown to beat" if models == 2 else "No model is shown to beat"
    who = f"{_some(board, one.above)} beat{'s' * (above == 1)}" if one.above else nobody
    words, of = ({0: "neither", 1: "one"}, "two") if models == 2 else ({0: "none"}, f"{models} models")
    told = [
        f"{words.get(count, count)} of the {of} {('beat' + 's' * (count == 1)) if count else 'is shown to beat'} "
        f"{_joined(names, 'and' if count else 'or')}"
        for count, names in sorted(by_count.items())
    ]
    yield f"{who} every floor: {'; '.join(told)}."


def _code_sizes(board: Board, one: Outcome) -> Iterator[str]:
    """Yield both code sizes if the best model has a larger code than the strongest floor that is a model."""
    known = next((column.measure for column in board.columns if column.measure.name == CODE_SIZE), None)
    models = [e for e in board.floors if not e.floor and has_every_seed(board, e, one.columns)]
    if one.verdict != "reconstruction" or not known or not models:
        return
    floor = by_means(board, one.columns, models)[0]
    columns = [main_column(board, column.dataset, known) for column in one.columns]
    sizes = [[board.cell(e, column).estimate for column in columns if column] for e in (one.best, floor)]
    own, other = ({round(size.mean) for size in found if size} for found in sizes)
    if own and other and min(own) > max(other):
        told = [" to ".join(dict.fromkeys(f"{end:,}" for end in (min(s), max(s)))) for s in (own, other)]
        best, other_name = name(board, one.best), clean(board.label(floor))
        yield f"The code of {best} has {told[0]} numbers; that of {other_name} has {told[1]}."


def _gap(one: Outcome) -> Iterator[str]:
    gaps = sorted(gap for column, gap in one.standing.gaps.items() if column in one.columns)
    if gaps:
        low, high = short(gaps[0]), short(gaps[-1])
        which = f"{low} to {high}, depending on the dataset," if high != low else low
        yield f"On average over pairs of models, a true difference below {which} would usually not be detected."


def _some(board: Board, who: Sequence[Entrant]) -> str:
    """Return the names in words; of a long list, the first names and the number of the others."""
    names = [name(board, entrant) for entrant in who]
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return _joined(names, "and")


def _joined(names: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
