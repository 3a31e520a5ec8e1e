"""A board for programs: a row per model, dataset and metric as CSV, or as JSON together with ranks and notes."""

from __future__ import annotations

import csv as table
import io
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import json as coder
from msgspec import structs, to_builtins

from vaebench.leaderboard.agreement import Agreement
from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.fronts import Front
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.runs import Entrant
from vaebench.records.clean import clean
from vaebench.records.columns import columns
from vaebench.records.manifest import TIERS
from vaebench.report.fields import (
    AgreementOf,
    DashOf,
    Document,
    FailureOf,
    FrontOf,
    GapOf,
    HiddenOf,
    OtherSeedsOf,
    Place,
    Row,
    ShortcutOf,
)
from vaebench.report.findings import findings
from vaebench.report.notes import notes
from vaebench.report.order import by_means

SCHEMA = "vaebench/board@1"
KINDS = columns(Row)
FORMULA = re.compile(r"((?:^|;)[\s\"'`]*)(?=[=+\-@＝＋－＠])")
"""Positions from which a spreadsheet would read a text as a formula: its start, and after a semicolon, where Excel
starts a new cell in many countries."""
LONE = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|\\ud[89a-f]..")
"""Half a surrogate pair in JSON, which UTF-8 cannot encode. Escaped backslashes and whole pairs are matched first."""


def rows(board: Board) -> list[Row]:
    """Return all cells with a number, a failure or a reason, in the order of the board's columns."""
    return [_row(board, entrant, column, cell) for (entrant, column), cell in board.cells.items()]


def csv(board: Board, made: Sequence[Row] = ()) -> str:
    """Return the rows of a board as CSV; if they have already been made, pass them as `made`."""
    text = io.StringIO()
    writer = table.writer(text, lineterminator="\n")
    writer.writerow(KINDS)
    fields = zip(KINDS.values(), zip(*map(structs.astuple, made or rows(board)), strict=True), strict=False)
    writer.writerows(zip(*(map(_cell, own) if kind == "str" else own for kind, own in fields), strict=True))
    return text.getvalue()


def to_json(board: Board, made: Sequence[Row] = ()) -> str:
    """Return the board as JSON, with one line per entry of every list to keep diffs short.

    If the rows of the board have already been made, pass them as `made`."""
    document = Document(
        schema="vaebench/board@1",
        title=board.title,
        suite=board.suite,
        preset=board.preset,
        source=board.source,
        datasets=board.datasets,
        expected=board.expected,
        seeds={regime: list(own) for regime, own in board.seeds.items()},
        standings=[
            _standing(board, standing, entrant)
            for standing in board.standings
            for entrant in by_means(board, standing.main, standing.order)
            if board.role(entrant) != "floor"
        ],
        gaps=[
            GapOf(c.measure.verdict, c.dataset, c.measure.name, float(f"{gap:.2g}")) for c, gap in board.gaps.items()
        ],
        fronts=[_front(board, front) for front in board.fronts],
        agreements=[_agreement(column, own) for column, own in board.agreements.items()],
        rows=list(made) or rows(board),
        shortcuts=[ShortcutOf(dataset, *one) for dataset, found in board.shortcuts.items() for one in found],
        failures=[FailureOf(board.label(one.entrant), *one[1:], seeds=list(s)) for one, s in board.failures.items()],
        dashes=[DashOf(*dash, entrants=[board.label(e) for e in who]) for dash, who in board.dashes.items()],
        hidden=[HiddenOf(*key, count=count) for key, count in board.hidden.items()],
        other_seeds=[
            OtherSeedsOf(board.label(one.entrant), *one[1:], seeds=list(own)) for one, own in board.other_seeds.items()
        ],
        findings=findings(board),
        notes=[line for section in notes(board) for line in section.lines],
    )
    blocks = (f" {_line(key)}: {_block(value)}" for key, value in to_builtins(document).items())
    text = "{\n" + ",\n".join(blocks) + "\n}\n"
    return LONE.sub(lambda found: found[1] or r"\ufffd", text) if r"\ud" in text else text


def json_schema() -> dict[str, Any]:
    """Return the published JSON schema (`vaebench show board`)."""
    made = coder.schema(Document)
    root = made["$defs"].pop("Document")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **root,
        "$defs": made["$defs"],
    }


def _row(board: Board, entrant: Entrant, column: Column, cell: Cell) -> Row:
    measure, found = column.measure, cell.estimate
    suite, _, version = board.suite.rpartition("@")
    low, high = (found.low, found.high) if found and found.low != found.high else (None, None)
    return Row(
        suite=suite,
        version=version,
        preset=board.preset,
        source=board.source,
        dataset=column.dataset,
        regime=measure.regime,
        model=entrant.model,
        loss=entrant.loss,
        floor=entrant.floor,
        role=board.role(entrant),
        verdict=measure.verdict,
        metric=measure.name,
        metric_version=None if entrant.floor else measure.version,
        variant=cell.detail or column.variant,
        better=measure.better,
        unit=measure.unit,
        value=_rounded(found.mean if found else None),
        low=_rounded(low),
        high=_rounded(high),
        error=_rounded(found.error or None if found else None),
        seeds=found.seeds if found else 0,
        n=cell.n,
        failed=cell.failed,
        rank_low=cell.place.low if cell.place else None,
        rank_high=cell.place.high if cell.place else None,
        above_all=cell.place.above_all if cell.place else None,
        best=cell.best if cell.place else None,
        marked=cell.place.marked if cell.place else None,
        compared=cell.label or "",
        beats="; ".join(cell.beats),
        few=found.few or cell.few_images if found else None,
        warning="; ".join(cell.warnings),
        tier=board.tiers.get(entrant, TIERS[0]),
        provisional=found.provisional if found else None,
        optimised=cell.optimised if found else None,
        status=cell.status,
        reason="; ".join(cell.reasons),
    )


def _standing(board: Board, standing: Standing, entrant: Entrant) -> Place:
    low, high = standing.interval(entrant)
    return Place(
        verdict=standing.measure.verdict,
        metric=standing.measure.name,
        model=entrant.model,
        loss=entrant.loss,
        role=board.role(entrant),
        mean_rank=_rounded(standing.mean_rank.get(entrant)),
        low=_rounded(low),
        high=_rounded(high),
        ranks={c.dataset: standing.places[entrant, c][:2] for c in standing.main if (entrant, c) in standing.places},
        lacks=standing.lacks.get(entrant, ""),
    )


def _front(board: Board, front: Front) -> FrontOf:
    quality, cost = front.quality, front.cost
    names = [board.label(entrant) for entrant in front.entrants]
    return FrontOf(
        quality.measure.verdict, quality.dataset, quality.measure.name, cost.measure.name, cost.variant, names
    )


def _agreement(column: Column, own: Agreement) -> AgreementOf:
    measure, lead = column.measure, own.lead.measure
    tau = float(f"{own.tau:.8g}")
    return AgreementOf(measure.verdict, column.dataset, measure.name, column.variant, lead.name, tau, own.models)


def _rounded(value: float | None) -> float | None:
    """Round to digits that do not depend on the processor's order of summation."""
    return None if value is None else float(f"{value:.8g}") + 0.0


@lru_cache(4096)
def _cell(text: str) -> str:
    """Return a text as a CSV cell that has one line and is not a formula."""
    return FORMULA.sub(r"\1'", clean(text, None))


def _block(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n" + ",\n".join(f"  {_line(entry)}" for entry in value) + "\n ]"


_line = json.JSONEncoder(allow_nan=False).encode
