"""Sentences above the tables (verdicts, what training adds) and in the notes (what scores correlate with)."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.follows import Follows
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import Estimate
from vaebench.leaderboard.training import Added
from vaebench.records.clean import clean
from vaebench.report.numbers import plain
from vaebench.report.order import main_column
from vaebench.report.tables import dataset_name, groups, name
from vaebench.report.verdicts import sentences


def findings(board: Board) -> list[str]:
    """Return the sentences on each verdict, on splits that differ, and on what training adds."""
    return [*sentences(board), *remarks(board)]


def remarks(board: Board) -> list[str]:
    """Return the sentences on splits that differ and on what training adds."""
    return [*_splits(board), *(_added(board, one) for one in board.added)]


def _splits(board: Board) -> Iterator[str]:
    """Yield a sentence for each headline whose best model has a significantly different value on the other split."""
    pairs = board.rules.on_test_split
    others = {**pairs, **{test: held for held, test in pairs.items()}}
    measures = {column.measure.name: column.measure for column in board.columns}
    for standing in board.standings:
        if (measure := measures.get(others.get(standing.measure.name, ""))) is None:
            continue
        for column in standing.main:
            other, best = main_column(board, column.dataset, measure), standing.best.get(column)
            if other and best and _apart(board.cell(best, column).estimate, board.cell(best, other).estimate):
                held, test = (column, other) if standing.measure.name in pairs else (other, column)
                where = f"{standing.measure.verdict.capitalize()} on {dataset_name(board, column.dataset)}"
                tested, kept = _value(board, best, test), _value(board, best, held)
                yield (
                    f"{where}: the two splits differ, so do not compare their values. {name(board, best)} has {tested} "
                    f"on the test split, and {kept} on {groups(board, column.dataset)} held out of the training split."
                )


def _apart(one: Estimate | None, other: Estimate | None) -> bool:
    """Return True if both have intervals, and these do not overlap."""
    if not one or not other or one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high or other.low > one.high


def _value(board: Board, entrant: Entrant, column: Column) -> str:
    estimate = board.cell(entrant, column).estimate
    assert estimate is not None and estimate.low is not None and estimate.high is not None
    mean, half = estimate.mean, (estimate.high - estimate.low) / 2
    return f"{clean(column.measure.title)} {plain(mean, 3)} ±{plain(half, 3)}"


def followed(board: Board) -> list[str]:
    """Return a line for each column for which rank correlations with other quantities are known."""
    return [" ".join(_follows(board, one)) for one in board.follows]


def _added(board: Board, one: Added) -> str:
    by, column = one.by, one.column
    half = f" ±{plain((by.high - by.low) / 2, 3)}" if by.low is not None and by.high is not None else ""
    compared = "better" if by.mean >= 0 else "worse"
    told = f"{plain(abs(by.mean), 3)}{half} {compared} than the floor '{clean(board.label(one.floor))}'"
    who = f"the suite's {one.models} trained models are on average {told}" if one.models > 1 else f"the model is {told}"
    doubt = ", with too few patients for an interval"
    if by.low is not None and by.high is not None:
        doubt = ", a difference that may be zero" if by.low <= 0 <= by.high else ""
    cells = (board.cell(entrant, column) for entrant in board.entrants if board.role(entrant) == "reference")
    ranked = [cell for cell in cells if cell.place]
    beat = sum(one.floor.model in cell.beats for cell in ranked)
    share = f"; {_share(beat, len(ranked))} beat it" if len(ranked) > 1 else ""
    return f"{clean(column.measure.title)} on {dataset_name(board, column.dataset)}: {who}{doubt}{share}."


def _share(count: int, models: int) -> str:
    """Return how many of several models do something, as the subject of a sentence."""
    if count == 0:
        return "none is shown to"
    if count < models:
        return f"{count} of {models}"
    return "both" if models == 2 else f"all {models}"


def _follows(board: Board, one: Follows) -> Iterator[str]:
    yield f"{clean(one.column.measure.title)} on {dataset_name(board, one.column.dataset)}:"
    if one.over_models:
        told = ", ".join(f"{clean(what)} {plain(value, 2)}" for what, value in one.over_models)
        yield f"over the suite's {one.models} models, {told}{';' if one.over_images else '.'}"
    if one.over_images:
        told = ", ".join(f"{clean(what)} {plain(value, 2)}" for what, value in one.over_images)
        yield f"over healthy test images (medians over models and seeds), {told}."
