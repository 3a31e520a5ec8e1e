"""A board for machines: one row per model x dataset x metric, as CSV, and as JSON together with ranks and notes."""

from __future__ import annotations

import json
from typing import Any

from vaebench.leaderboard.agreement import Agreement
from vaebench.leaderboard.board import Board, Shortcut
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.fronts import Front
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.runs import Entrant
from vaebench.report.notes import notes

SCHEMA = "vaebench/board@1"
KINDS = {  # the columns in their order, and what pandas calls their types
    **dict.fromkeys(("suite", "version", "preset", "source", "dataset", "regime", "model", "loss"), "str"),
    **dict.fromkeys(("verdict", "metric", "metric_version", "variant", "better", "unit"), "str"),
    **dict.fromkeys(("value", "low", "high", "error"), "float64"),
    **dict.fromkeys(("seeds", "n", "failed", "rank"), "Int64"),
    **dict.fromkeys(("tied", "provisional", "optimised"), "boolean"),
    **dict.fromkeys(("status", "reason"), "str"),
    "metric_version": "Int64",
}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a text that starts like this."""


def rows(board: Board) -> list[dict[str, Any]]:
    """All cells with a number, a failure or a reason, in the order of the board's columns, and the best shortcuts."""
    found = [_row(board, entrant, column, cell) for (entrant, column), cell in board.cells.items()]
    return found + [_shortcut(board, column, one) for column in board.columns if (one := board.shortcut(column))]


def csv(board: Board) -> str:
    import pandas as pd

    frame = pd.DataFrame(rows(board), columns=list(KINDS)).astype(KINDS)
    for name, kind in KINDS.items():
        if kind == "str":
            formulas = {text: f"'{text}" for text in frame[name].unique() if text.startswith(FORMULAS)}
            frame[name] = frame[name].replace(formulas) if formulas else frame[name]
    return frame.to_csv(index=False, lineterminator="\n")


def to_json(board: Board) -> str:
    """One line per entry of every list: short to diff."""
    document = {
        "schema": SCHEMA,
        "title": board.title,
        "suite": board.suite,
        "preset": board.preset,
        "source": board.source,
        "datasets": board.datasets,
        "expected": board.expected,
        "seeds": board.seeds,
        "standings": [_place(standing, entrant) for standing in board.standings for entrant in standing.order],
        "fronts": [_front(board, front) for front in board.fronts],
        "agreements": [_agreement(column, own) for column, own in board.agreements.items()],
        "rows": rows(board),
        "shortcuts": [{"dataset": d, **s._asdict()} for d, found in board.shortcuts.items() for s in found],
        "failures": [{**f._asdict(), "entrant": board.label(f.entrant), "seeds": s} for f, s in board.failures.items()],
        "dashes": [{**d._asdict(), "entrants": [board.label(e) for e in who]} for d, who in board.dashes.items()],
        "hidden": [{**key._asdict(), "count": count} for key, count in board.hidden.items()],
        "notes": [line for section in notes(board) for line in section.lines],
    }
    return "{\n" + ",\n".join(f" {_line(key)}: {_block(value)}" for key, value in document.items()) + "\n}\n"


def _row(board: Board, entrant: Entrant, column: Column, cell: Cell) -> dict[str, Any]:
    measure, found = column.measure, cell.estimate
    suite, _, version = board.suite.rpartition("@")
    return {
        "suite": suite,
        "version": version,
        "preset": board.preset,
        "source": board.source,
        "dataset": column.dataset,
        "regime": measure.regime,
        "model": entrant.model,
        "loss": entrant.loss,
        "verdict": measure.verdict,
        "metric": measure.name,
        "metric_version": measure.version,
        "variant": column.variant,
        "better": measure.better,
        "unit": measure.unit,
        "value": _rounded(found.mean if found else None),
        "low": _rounded(found.low if found else None),
        "high": _rounded(found.high if found else None),
        "error": _rounded(found.error if found else None),
        "seeds": found.seeds if found else 0,
        "n": cell.n,
        "failed": cell.failed,
        "rank": cell.rank,
        "tied": cell.tied if cell.rank else None,
        "provisional": found.provisional if found else None,
        "optimised": cell.optimised if found else None,
        "status": cell.status,
        "reason": "; ".join(cell.reasons),
    }


def _shortcut(board: Board, column: Column, best: Shortcut) -> dict[str, Any]:
    """A row of no model, under a metric of its own: nothing that groups by model or by metric takes it for one."""
    blank = _row(board, Entrant("", ""), column, Cell())
    told = {"metric": "best-shortcut", "metric_version": None, "variant": best.name, "status": "shortcut"}
    return blank | told | {"value": _rounded(best.auroc)}


def _place(standing: Standing, entrant: Entrant) -> dict[str, Any]:
    low, high = standing.interval(entrant)
    return {
        "verdict": standing.measure.verdict,
        "metric": standing.measure.name,
        "model": entrant.model,
        "loss": entrant.loss,
        "mean_rank": _rounded(standing.mean_rank.get(entrant)),
        "low": _rounded(low),
        "high": _rounded(high),
        "ranks": {c.dataset: standing.ranks[entrant, c] for c in standing.columns if (entrant, c) in standing.ranks},
        "lacks": standing.lacks.get(entrant, ""),
    }


def _front(board: Board, front: Front) -> dict[str, Any]:
    return {
        "verdict": front.quality.measure.verdict,
        "dataset": front.quality.dataset,
        "quality": front.quality.measure.name,
        "cost": front.cost.measure.name,
        "place": front.cost.variant,
        "entrants": [board.label(entrant) for entrant in front.entrants],
    }


def _agreement(column: Column, own: Agreement) -> dict[str, Any]:
    return {
        "verdict": column.measure.verdict,
        "dataset": column.dataset,
        "metric": column.measure.name,
        "variant": column.variant,
        "with": own.lead.measure.name,
        "tau": _rounded(own.tau),
        "models": own.models,
    }


def _rounded(value: float | None) -> float | None:
    """Digits that no processor's order of summation changes."""
    return None if value is None else float(f"{value:.8g}")


def _block(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n" + ",\n".join(f"  {_line(entry)}" for entry in value) + "\n ]"


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
