"""Sentences above the tables (verdicts, what training adds) and in the notes (what scores correlate with)."""

from __future__ import annotations

from collections.abc import Iterator

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.follows import Follows
from vaebench.leaderboard.training import Added
from vaebench.records.clean import clean
from vaebench.report.numbers import plain
from vaebench.report.tables import dataset_name, name
from vaebench.report.verdicts import sentences


def findings(board: Board) -> list[str]:
    """Return the sentences on each verdict, then those on what training adds, in the order of the board's columns."""
    return [*sentences(board), *(_added(board, one) for one in board.added)]


def followed(board: Board) -> list[str]:
    """Return a line for each column whose numbers have rank correlations with other quantities."""
    return [" ".join(_follows(board, one)) for one in board.follows]


def _added(board: Board, one: Added) -> str:
    by, column = one.by, one.column
    half = f" ±{plain((by.high - by.low) / 2, 3)}" if by.low is not None and by.high is not None else ""
    compared = "better" if by.mean >= 0 else "worse"
    told = f"{plain(abs(by.mean), 3)}{half} {compared} than {name(board, one.floor)}"
    who = f"the suite's {one.models} trained models are on average {told}" if one.models > 1 else f"the model is {told}"
    doubt = ", with too few patients for an interval"
    if by.low is not None and by.high is not None:
        doubt = ", a difference that may be zero" if by.low <= 0 <= by.high else ""
    cells = (board.cell(entrant, column) for entrant in board.entrants if board.role(entrant) == "reference")
    ranked = [cell for cell in cells if cell.place]
    beat = sum(one.floor.model in cell.beats for cell in ranked)
    share = f"; {beat} of {len(ranked)} beat it" if ranked else ""
    return f"{clean(column.measure.title)} on {dataset_name(board, column.dataset)}: {who}{doubt}{share}."


def _follows(board: Board, one: Follows) -> Iterator[str]:
    yield f"{clean(one.column.measure.title)} on {dataset_name(board, one.column.dataset)}:"
    if one.over_models:
        told = ", ".join(f"{clean(what)} {plain(value, 2)}" for what, value in one.over_models)
        yield f"over the suite's {one.models} models, {told}{';' if one.over_images else '.'}"
    if one.over_images:
        told = ", ".join(f"{clean(what)} {plain(value, 2)}" for what, value in one.over_images)
        yield f"over healthy test images (medians over models and seeds), {told}."
