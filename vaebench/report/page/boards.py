"""The data of a board for the page: plain lists that refer to models, datasets, metrics and columns by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant, Measure
from vaebench.records.clean import clean
from vaebench.report.findings import remarks
from vaebench.report.notes import notes
from vaebench.report.numbers import decimals_in, rank_of, show
from vaebench.report.order import main_column
from vaebench.report.rates import Picture, picture, pictures
from vaebench.report.tables import aside, dataset_name, floors, foot, heading, name, title
from vaebench.report.verdicts import paragraphs


def board_data(board: Board) -> dict[str, Any]:
    columns, measures = _shown_columns(board), shown_measures(board)
    place = {measure: number for number, measure in enumerate(measures)}
    number_of = {column: number for number, column in enumerate(columns)}
    leading = {one.measure for one in board.standings if is_ranked(one.measure)}
    floor_metrics = {metric for own in board.rules.floor_metrics.values() for metric in own}
    datasets = {dataset: number for number, dataset in enumerate(board.datasets)}
    chosen = (main_column(board, dataset, measure) for dataset in board.datasets for measure in board.summary)
    return {
        "title": title(board),
        "track": [clean(part) for part in (board.suite, board.preset, board.source)],
        "models": [name(board, entrant) for entrant in board.entrants],
        "roles": [board.role(entrant) for entrant in board.entrants],
        "phantom": bool(aside(board)),
        "datasets": [dataset_name(board, dataset) for dataset in board.datasets],
        "metrics": [
            _metric(measure, measure in leading, measure.name in floor_metrics)
            | {"chance": board.rules.chance.get(measure.name)}
            | {"same": measure not in leading and _is_same(board, [one for one in columns if one.measure == measure])}
            for measure in measures
        ],
        "columns": [
            {
                "dataset": datasets[column.dataset],
                "metric": place[column.measure],
                "variant": clean(column.variant),
                "foot": [list(row) for row in foot(board, [column], 0)],
                "floors": [clean(floor) for floor in floors(board, column)],
                "cells": _cells(board, column),
                "apart": _apart(board, column),
            }
            for column in columns
        ],
        "standings": [
            _standing(board, one, place[one.measure])
            for one in board.standings
            if is_ranked(one.measure) and one.places
        ],
        "summary": [number_of[column] for column in chosen if column in number_of],
        "findings": [list(paragraph) for paragraph in paragraphs(board)],
        "remarks": remarks(board),
        "scatters": [
            *(_scatter(board, picture(board, one.cost, one.quality), datasets, one.entrants) for one in board.fronts),
            *(_scatter(board, one, datasets) for one in pictures(board)),
        ],
        "notes": [{"title": section.title, "lines": list(section.lines)} for section in notes(board)],
    }


def _scatter(
    board: Board, drawn: Picture, datasets: Mapping[str, int], front: Sequence[Entrant] | None = None
) -> dict[str, Any]:
    number_of = {entrant: number for number, entrant in enumerate(board.entrants)}
    return {
        "dataset": datasets[drawn.quality.dataset],
        "verdict": drawn.quality.measure.verdict,
        "x": _called(board, drawn.price),
        "y": _called(board, drawn.quality),
        "tip": " against ".join(heading(one.measure, one.variant) for one in (drawn.quality, drawn.price)),
        "points": [[number_of[one.entrant], _rounded(one.price), _rounded(one.quality)] for one in drawn.points],
        "front": None if front is None else [number_of[entrant] for entrant in front],
    }


def _called(board: Board, column: Column) -> str:
    """Return the title of a column, with its variant if the dataset has several."""
    own = [one for one in board.columns if (one.dataset, one.measure) == (column.dataset, column.measure)]
    return heading(column.measure, column.variant if len(own) > 1 else "")


def shown_measures(board: Board) -> list[Measure]:
    """Return the metrics that have numbers; the page refers to them by their place in this list."""
    return list(dict.fromkeys(column.measure for column in _shown_columns(board)))


def _shown_columns(board: Board) -> list[Column]:
    return [column for column in board.columns if _has_numbers(board, column)]


def _has_numbers(board: Board, column: Column) -> bool:
    return any(cell.estimate for cell in board.by_column.get(column, {}).values())


def _is_same(board: Board, columns: Sequence[Column]) -> bool:
    """Return whether all models have the same number, which then describes the images or chance, not the models.

    Numbers that are all 0 or all 1 do not count, since models may have reached the end of the scale; nor do costs."""
    means = [[one.estimate.mean for one in board.by_column[column].values() if one.estimate] for column in columns]
    if not any(len(own) > 2 for own in means) or columns[0].measure.verdict == "cost":
        return False
    return all(max(own) - min(own) <= 1e-9 * abs(own[0]) and own[0] not in (0, 1) for own in means)


def _metric(measure: Measure, leads: bool, is_floor: bool) -> dict[str, Any]:
    return {
        "name": clean(measure.name),
        "title": heading(measure, ""),
        "verdict": measure.verdict,
        "better": measure.better,
        "regime": clean(measure.regime),
        "leads": leads,
        "floor": is_floor,
    }


def _standing(board: Board, standing: Standing, metric: int) -> dict[str, Any]:
    return {
        "metric": metric,
        "verdict": standing.measure.verdict,
        "ranks": [_rounded(standing.mean_rank.get(entrant)) for entrant in board.entrants],
        "intervals": [[_rounded(end) for end in standing.interval(entrant)] for entrant in board.entrants],
        "lacks": [clean(standing.lacks.get(entrant, "")) for entrant in board.entrants],
    }


def _cells(board: Board, column: Column) -> list[list[Any]]:
    """Return a list for each row that has a cell in this column.

    Each list contains the number of the row, the cell's text, mean, interval and rank interval, whether the row is the
    best, the floors that it beats, and the cell's reasons and warnings."""
    known = board.by_column.get(column, {})
    decimals, found = decimals_in(board, column), []
    for number, entrant in enumerate(board.entrants):
        if cell := known.get(entrant):
            one = cell.estimate
            mean, low, high = (one.mean, one.low, one.high) if one else (None, None, None)
            interval = [_rounded(low), _rounded(high)] if low != high else [None, None]
            beats, told = [clean(floor) for floor in cell.beats], clean("; ".join((*cell.reasons, *cell.warnings)), 300)
            text, rank = show(cell, decimals, with_rank=False), rank_of(cell.place)
            best = bool(cell.best and cell.place)
            found.append([number, text, _rounded(mean), *interval, rank, best, beats, told])
    return found


def _apart(board: Board, column: Column) -> list[list[Any]]:
    """Return the numbers of the models that were tested against each other and, for each, a text with a digit for each
    model before it: 1 if the two differ significantly."""
    for standing in board.standings:
        if (told := standing.apart.get(column)) is not None:
            ranked = [e for e, at in standing.places if at == column and board.role(e) == "reference"]
            rows = ["".join("01"[apart] for apart in row[:place]) for place, row in enumerate(told.astype(int))]
            return [[board.entrants.index(entrant) for entrant in ranked], rows]
    return [[], []]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}") + 0.0
