"""What the page says of a board: plain lists, in which models, datasets, metrics and columns are numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column, is_ranked
from vaebench.records.clean import clean
from vaebench.report.notes import notes
from vaebench.report.tables import decimals_in, foot, heading, main_column, name, rank_of, show, title


def board_data(board: Board) -> dict[str, Any]:
    measures = list(dict.fromkeys(column.measure for column in board.columns))
    place = {measure: number for number, measure in enumerate(measures)}
    leading = {one.measure for one in board.standings}
    datasets = {dataset: number for number, dataset in enumerate(board.datasets)}
    return {
        "title": title(board),
        "track": [clean(part) for part in (board.suite, board.preset, board.source)],
        "models": [name(board, entrant) for entrant in board.entrants],
        "datasets": [clean(dataset) for dataset in board.datasets],
        "metrics": [
            {
                "title": heading(measure, ""),
                "verdict": measure.verdict,
                "better": measure.better,
                "regime": clean(measure.regime),
                "leads": measure in leading,
            }
            for measure in measures
        ],
        "columns": [
            {
                "dataset": datasets[column.dataset],
                "metric": place[column.measure],
                "variant": clean(column.variant),
                "foot": [list(row) for row in foot(board, [column], 0)],
                "cells": _cells(board, column),
            }
            for column in board.columns
        ],
        "standings": [
            {
                "metric": place[one.measure],
                "verdict": one.measure.verdict,
                "ranks": [_rounded(one.mean_rank.get(entrant)) for entrant in board.entrants],
                "intervals": [[_rounded(end) for end in one.interval(entrant)] for entrant in board.entrants],
                "lacks": [clean(one.lacks.get(entrant, "")) for entrant in board.entrants],
            }
            for one in board.standings
            if is_ranked(one.measure)
        ],
        "summary": [
            [number for number, column in enumerate(board.columns) if column == main_column(board, dataset, measure)][0]
            for dataset in board.datasets
            for measure in board.summary
        ],
        "notes": [{"title": section.title, "lines": list(section.lines)} for section in notes(board)],
    }


def _cells(board: Board, column: Column) -> list[list[Any]]:
    """Of every model that has something to say: its number, text, mean, interval, rank, tie, and reasons."""
    known = board.by_column.get(column, {})
    decimals, found = decimals_in(board, column), []
    for number, entrant in enumerate(board.entrants):
        if cell := known.get(entrant):
            one = cell.estimate
            mean, low, high = (one.mean, one.low, one.high) if one else (None, None, None)
            interval = [_rounded(low), _rounded(high)] if low != high else [None, None]
            beats = f"beats {', '.join(cell.beats)}" if cell.beats else ""
            told = clean("; ".join(filter(None, (*cell.reasons, beats))), 300)
            text = show(replace(cell, place=None), decimals)
            found.append(
                [number, text, _rounded(mean), *interval, rank_of(cell.place), bool(cell.place and cell.best), told]
            )
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
