"""A board for machines: one row per model x dataset x metric, as CSV, and as JSON together with ranks and notes."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, structs, to_builtins
from msgspec import json as coder

from vaebench.leaderboard.agreement import Agreement
from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.fronts import Front
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.rules import Role
from vaebench.leaderboard.runs import Entrant
from vaebench.records.clean import clean
from vaebench.records.columns import columns
from vaebench.report.notes import notes
from vaebench.trial import Direction, Verdict

Positive = Annotated[int, Meta(ge=1)]


class Row(Struct, forbid_unknown_fields=True):
    """One model in one column of the board, or a floor that needs no model."""

    suite: str
    version: str
    preset: str
    source: str
    dataset: str
    regime: str
    model: str
    loss: str
    role: Annotated[Role, Meta(description="a model that the suite names and ranks, a floor, or another model")]
    verdict: Verdict
    metric: str
    metric_version: int | None
    variant: str
    better: Direction
    unit: str
    value: float | None
    low: float | None
    high: float | None
    error: float | None
    seeds: int
    n: int | None
    failed: int
    rank_low: Annotated[int | None, Meta(description="the best rank that it may hold; no rank: null")]
    rank_high: int | None
    best: Annotated[bool | None, Meta(description="the best mean among the references")]
    marked: Annotated[bool | None, Meta(description="cannot be told from the best")]
    compared: Annotated[str, Meta(description="how it compares with the best mean")]
    beats: Annotated[str, Meta(description="the floors that it beats, separated by semicolons")]
    provisional: bool | None
    optimised: bool | None
    status: Literal["ok", "partial", "failed", "dash", "floor", "missing"]
    reason: str


class Place(Struct, forbid_unknown_fields=True):
    """Where a model stands in a verdict."""

    verdict: Verdict
    metric: str
    model: str
    loss: str
    mean_rank: float | None
    low: float | None
    high: float | None
    ranks: Annotated[
        dict[str, tuple[Positive, Positive]], Meta(description="dataset -> both ends of the rank interval")
    ]
    gaps: Annotated[dict[str, float], Meta(description="dataset -> the smallest difference that could have been shown")]
    lacks: Annotated[str, Meta(description="why it does not rank")]


class FrontOf(Struct, forbid_unknown_fields=True):
    """A Pareto front of quality against training time, fastest first."""

    verdict: Verdict
    dataset: str
    quality: str
    cost: str
    place: Annotated[str, Meta(description="class of device")]
    entrants: list[str]


class AgreementOf(Struct, forbid_unknown_fields=True):
    """Kendall's tau-b between the orders that a metric and the one that ranks its verdict give, by means."""

    verdict: Verdict
    dataset: str
    metric: str
    variant: str
    against: Annotated[str, Meta(description="the metric that ranks the verdict")] = field(name="with")
    tau: Annotated[float, Meta(ge=-1, le=1)]
    models: Annotated[int, Meta(ge=3)]


class ShortcutOf(Struct, forbid_unknown_fields=True):
    """A trivial feature of the test images that tells healthy from diseased."""

    dataset: str
    name: str
    auroc: float


class FailureOf(Struct, forbid_unknown_fields=True):
    """Trials that failed in the same way."""

    entrant: str
    dataset: str
    regime: str
    kind: str
    message: str
    seeds: list[int]


class DashOf(Struct, forbid_unknown_fields=True):
    """A metric without a value, and why."""

    dataset: str
    metric: Annotated[str, Meta(description="its title; empty where the reason concerns all")]
    reason: str
    entrants: list[str]


class HiddenOf(Struct, forbid_unknown_fields=True):
    """Records or numbers that are not comparable."""

    dataset: str
    what: Literal["records", "numbers"]
    reason: str
    remedy: Annotated[str, Meta(description="the command that makes them comparable")]
    count: Positive


class OtherSeedsOf(Struct, forbid_unknown_fields=True):
    """Records with seeds that the preset does not name: they count nowhere."""

    entrant: str
    dataset: str
    regime: str
    seeds: list[int]


class Document(Struct, forbid_unknown_fields=True):
    """A leaderboard of vaebench."""

    schema: Literal["vaebench/board@1"]
    title: Annotated[str, Meta(description="the track, and how much of the suite it covers")]
    suite: Annotated[str, Meta(description="name@version")]
    preset: str
    source: str
    datasets: tuple[str, ...]
    expected: Annotated[tuple[str, ...], Meta(description="the suite's datasets")]
    seeds: Annotated[dict[str, list[int]], Meta(description="regime -> seeds of the track")]
    standings: Annotated[list[Place], Meta(description="by verdict, best first; who does not rank comes last")]
    fronts: list[FrontOf]
    agreements: list[AgreementOf]
    rows: list[Row]
    shortcuts: Annotated[list[ShortcutOf], Meta(description="per dataset, the best first")]
    failures: list[FailureOf]
    dashes: list[DashOf]
    hidden: list[HiddenOf]
    other_seeds: list[OtherSeedsOf]
    notes: list[str]


SCHEMA = "vaebench/board@1"
KINDS = columns(Row)
FORMULA = re.compile(r"((?:^|;)[\s\"'`]*)(?=[=+\-@＝＋－＠])")
"""Where a spreadsheet would run a text: at its start, and after a semicolon, at which many countries' Excel splits."""
LONE = re.compile(r"(\\\\|\\ud[89ab]..\\ud[c-f]..)|\\ud[89a-f]..")
"""In JSON: half of a surrogate pair, which no UTF-8 file can hold; an escaped backslash and a whole pair come first."""


def rows(board: Board) -> list[Row]:
    """All cells with a number, a failure or a reason, in the order of the board's columns."""
    return [_row(board, entrant, column, cell) for (entrant, column), cell in board.cells.items()]


def csv(board: Board) -> str:
    import pandas as pd

    cells = ([_cell(one) if isinstance(one, str) else one for one in structs.astuple(row)] for row in rows(board))
    frame = pd.DataFrame(cells, columns=list(KINDS)).astype(KINDS)
    return frame.to_csv(index=False, lineterminator="\n")


def to_json(board: Board) -> str:
    """One line per entry of every list: short to diff."""
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
            _standing(standing, entrant)
            for standing in board.standings
            for entrant in standing.order
            if not entrant.floor
        ],
        fronts=[_front(board, front) for front in board.fronts],
        agreements=[_agreement(column, own) for column, own in board.agreements.items()],
        rows=rows(board),
        shortcuts=[ShortcutOf(dataset, *one) for dataset, found in board.shortcuts.items() for one in found],
        failures=[FailureOf(board.label(one.entrant), *one[1:], seeds=list(s)) for one, s in board.failures.items()],
        dashes=[DashOf(*dash, entrants=[board.label(e) for e in who]) for dash, who in board.dashes.items()],
        hidden=[HiddenOf(*key, count=count) for key, count in board.hidden.items()],
        other_seeds=[
            OtherSeedsOf(board.label(one.entrant), *one[1:], seeds=list(own)) for one, own in board.other_seeds.items()
        ],
        notes=[line for section in notes(board) for line in section.lines],
    )
    blocks = (f" {_line(key)}: {_block(value)}" for key, value in to_builtins(document).items())
    text = "{\n" + ",\n".join(blocks) + "\n}\n"
    return LONE.sub(lambda found: found[1] or r"\ufffd", text) if r"\ud" in text else text


def json_schema() -> dict[str, Any]:
    """The published schema (`vaebench show board`)."""
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
    return Row(
        suite=suite,
        version=version,
        preset=board.preset,
        source=board.source,
        dataset=column.dataset,
        regime=measure.regime,
        model=entrant.model,
        loss=entrant.loss,
        role=board.role(entrant),
        verdict=measure.verdict,
        metric=entrant.floor or measure.name,
        metric_version=None if entrant.floor else measure.version,
        variant=cell.detail or column.variant,
        better=measure.better,
        unit=measure.unit,
        value=_rounded(found.mean if found else None),
        low=_rounded(found.low if found else None),
        high=_rounded(found.high if found else None),
        error=_rounded(found.error or None if found else None),
        seeds=found.seeds if found else 0,
        n=cell.n,
        failed=cell.failed,
        rank_low=cell.place.low if cell.place else None,
        rank_high=cell.place.high if cell.place else None,
        best=cell.best if cell.place else None,
        marked=cell.place.marked if cell.place else None,
        compared=cell.label or "",
        beats="; ".join(cell.beats),
        provisional=found.provisional if found else None,
        optimised=cell.optimised if found else None,
        status="floor" if entrant.floor else cell.status,
        reason="; ".join(cell.reasons),
    )


def _standing(standing: Standing, entrant: Entrant) -> Place:
    low, high = standing.interval(entrant)
    return Place(
        verdict=standing.measure.verdict,
        metric=standing.measure.name,
        model=entrant.model,
        loss=entrant.loss,
        mean_rank=_rounded(standing.mean_rank.get(entrant)),
        low=_rounded(low),
        high=_rounded(high),
        ranks={c.dataset: standing.places[entrant, c][:2] for c in standing.main if (entrant, c) in standing.places},
        gaps={column.dataset: float(f"{gap:.1g}") for column, gap in standing.gaps.items()},
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
    """Digits that no processor's order of summation changes."""
    return None if value is None else float(f"{value:.8g}") + 0.0


@lru_cache(4096)
def _cell(text: str) -> str:
    """A text as one cell: one line, and no formula."""
    return FORMULA.sub(r"\1'", clean(text, None))


def _block(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n" + ",\n".join(f"  {_line(entry)}" for entry in value) + "\n ]"


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
