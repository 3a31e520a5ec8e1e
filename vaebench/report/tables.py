"""Board -> tables of plain text, which every format then draws: overall, one per verdict, one per dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant, Measure
from vaebench.records.clean import clean

DASH = "–"
PROVISIONAL = "°"
BOTH = "‡"
OPTIMISED = "†"
SHORTCUT = "no model: best shortcut, AUROC"
AGREEMENT = "no model: Kendall's tau with"
MISSING = Cell()
ARROWS = {"higher": "↑", "lower": "↓"}


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    above: int
    """so many rows rank; the others stand below the line"""
    foot: tuple[tuple[str, ...], ...] = ()
    """what is no model: something that must be beaten, or what the columns have to do with each other"""

    def drawn(self) -> list[tuple[str, ...]]:
        """The rows with the line between them, where both sides have some, and the foot."""
        if not 0 < self.above < len(self.rows):
            return [*self.rows, *self.foot]
        line = ("not ranked:", *[""] * (len(self.header) - 1))
        return [*self.rows[: self.above], line, *self.rows[self.above :], *self.foot]


def tables(board: Board) -> list[Table]:
    """All there is to know, the overall table first."""
    return [*summary(board), *by_dataset(board)]


def summary(board: Board) -> list[Table]:
    """What comes before every metric of every dataset."""
    return [*overall(board), *on_fronts(board), *(by_verdict(board, one) for one in board.standings)]


def overall(board: Board) -> list[Table]:
    """Mean rank over datasets per verdict; by name, because there is no total."""
    standings = [one for one in board.standings if is_ranked(one.measure)]
    if not standings:
        return []
    names = sorted(board.entrants, key=lambda e: (all(e not in one.mean_rank for one in standings), board.label(e)))
    rows = [(name(board, e), *(_mean_rank(board, one, e) for one in standings)) for e in names]
    header = ("Model", *(f"{one.measure.verdict.capitalize()} ({clean(one.measure.title)})" for one in standings))
    above = sum(any(e in one.mean_rank for one in standings) for e in names)
    title = "Mean rank over datasets" if len(board.datasets) > 1 else "Rank"
    return [Table(f"{title}, by name (there is no total score)", header, tuple(rows), above)]


def on_fronts(board: Board) -> list[Table]:
    """On how many datasets an entrant stands on the Pareto front of a verdict."""
    kinds = list(dict.fromkeys((front.quality.measure, front.cost.variant) for front in board.fronts))
    own = [[front for front in board.fronts if (front.quality.measure, front.cost.variant) == kind] for kind in kinds]
    rows = []
    for entrant in sorted({e for front in board.fronts for e in front.entrants}, key=board.label):
        counts = [sum(entrant in front.entrants for front in fronts) for fronts in own]
        texts = (f"{count} of {len(fronts)}" for count, fronts in zip(counts, own, strict=True))
        rows.append((name(board, entrant), *texts))
    header = ("Model", *(f"{measure.verdict.capitalize()}{_variant(place)}" for measure, place in kinds))
    title = "On how many datasets no other model is both better and faster trained (Pareto front, by means alone)"
    return [Table(title, header, tuple(rows), len(rows))] if rows else []


def by_verdict(board: Board, standing: Standing) -> Table:
    """The metric that ranks on every dataset, best first."""
    columns, several = standing.columns, is_ranked(standing.measure) and len(standing.columns) > 1
    ranks = {entrant: _mean_rank(board, standing, entrant) for entrant in standing.order} if several else {}
    title = standing.measure.verdict.capitalize()
    return _over_datasets(board, columns, standing.order, len(standing.mean_rank), ranks, f"{title}: ")


def by_metric(board: Board) -> list[Table]:
    """Every other metric on every dataset, in the order of the one that ranks its verdict."""
    leading = {one.measure: one for one in board.standings}
    order = {one.measure.verdict: one.order for one in board.standings}
    found = []
    for measure in dict.fromkeys(column.measure for column in board.columns):
        if measure not in leading:
            own = [column for column in board.columns if column.measure == measure]
            listed = order.get(measure.verdict) or sorted(board.entrants, key=board.label)
            entrants = [e for e in listed if any(e in board.by_column.get(column, {}) for column in own)]
            found.append(_over_datasets(board, own, entrants, len(entrants)))
    return found


def by_dataset(board: Board) -> list[Table]:
    """Every metric of every verdict on each dataset, best first by the one that ranks."""
    standings: dict[str, Standing] = {one.measure.verdict: one for one in board.standings}
    groups: dict[tuple[str, str], list[Column]] = {}
    for column in board.columns:
        groups.setdefault((column.dataset, column.measure.verdict), []).append(column)
    return [_on_dataset(board, *at, own, standings.get(at[1])) for at, own in groups.items()]


def _over_datasets(
    board: Board,
    columns: Sequence[Column],
    entrants: Sequence[Entrant],
    above: int,
    ranks: Mapping[Entrant, str] | None = None,
    prefix: str = "",
) -> Table:
    """One metric, a column per dataset."""
    measure, variants = columns[0].measure, {column.variant for column in columns}
    shared = variants.pop() if len(variants) == 1 else ""
    header = ["Model", *(["Mean rank"] if ranks else [])]
    header += [clean(c.dataset) + (_variant(c.variant) if not shared else "") for c in columns]
    values = [_column(board, column) for column in columns]
    rows = [(name(board, e), *([ranks[e]] if ranks else []), *(own[e] for own in values)) for e in entrants]
    trained = f"models trained on {measure.regime} images"
    title = f"{prefix}{heading(measure, shared)}, {measure.better} is better, {trained}"
    return Table(title, tuple(header), tuple(rows), above, foot(board, columns, blanks=int(bool(ranks))))


def _on_dataset(
    board: Board, dataset: str, verdict: str, columns: Sequence[Column], standing: Standing | None
) -> Table:
    """A column per metric of one verdict."""
    ranks: dict[Entrant, int] = {}
    if standing is not None:
        ranks = {entrant: rank for (entrant, column), rank in standing.ranks.items() if column in columns}
    listed = standing.order if standing else sorted(board.entrants, key=board.label)
    entrants = [e for e in listed if any(e in board.by_column.get(column, {}) for column in columns)]
    entrants.sort(key=lambda e: ranks.get(e, len(listed) + 1))
    values = [_column(board, column) for column in columns]
    rows = [(name(board, e), *(texts[e] for texts in values)) for e in entrants]
    header = ("Model", *(f"{heading(c.measure, c.variant)} {ARROWS[c.measure.better]}" for c in columns))
    title, below = f"{verdict.capitalize()} on {clean(dataset)}", foot(board, columns, blanks=0)
    return Table(title, header, tuple(rows), len(ranks) or len(rows), below)


def name(board: Board, entrant: Entrant) -> str:
    return clean(board.label(entrant))


def title(board: Board) -> str:
    return clean(board.title, 300)


def heading(measure: Measure, variant: str) -> str:
    """`MS-SSIM [L3]`, `PSNR (dB)`"""
    return clean(measure.title) + _variant(variant) + (f" ({clean(measure.unit)})" if measure.unit else "")


def show(cell: Cell, decimals: int) -> str:
    """`0.812 ±0.021° (2=)`, or a dash, or how many trials failed."""
    failed = f"{cell.failed} failed" if cell.failed else ""
    if cell.estimate is None:
        return failed or DASH
    found, half = cell.estimate, ""
    if found.high is not None and found.high > found.mean:
        half = f" ±{found.high - found.mean:,.{decimals}f}"
    marks = PROVISIONAL * found.provisional + OPTIMISED * cell.optimised + BOTH * cell.both
    rank = f"{cell.rank}{'=' * cell.tied}" if cell.rank else ""
    aside = ", ".join(part for part in (rank, failed) if part)
    return f"{found.mean:,.{decimals}f}{half}{marks}{f' ({aside})' if aside else ''}"


def _column(board: Board, column: Column) -> dict[Entrant, str]:
    """The texts of a column, all with the same decimals."""
    known = board.by_column.get(column, {})
    cells = {entrant: known.get(entrant, MISSING) for entrant in board.entrants}
    decimals = decimals_of(cells.values())
    return {entrant: show(cell, decimals) for entrant, cell in cells.items()}


def decimals_of(cells: Iterable[Cell]) -> int:
    """Two digits for the typical uncertainty; without any, four for the largest number; none for whole numbers."""
    found = [cell.estimate for cell in cells if cell.estimate]
    halves = sorted(one.high - one.mean for one in found if one.high is not None and one.high > one.mean)
    if halves:
        return _clip(1 - math.floor(math.log10(halves[len(halves) // 2])))
    if all(one.mean == round(one.mean) for one in found):
        return 0
    return _clip(3 - math.floor(math.log10(max(abs(one.mean) for one in found))))


def _clip(decimals: int) -> int:
    return min(max(decimals, 0), 4)


def foot(board: Board, columns: Sequence[Column], blanks: int) -> tuple[tuple[str, ...], ...]:
    """Below all models: the best shortcuts, and how alike the columns and the one that ranks order the models."""
    shortcuts = [board.shortcut(column) for column in columns]
    alike = [board.agreements.get(column) for column in columns]
    lead = next((clean(one.lead.measure.title) for one in alike if one), "")
    rows = {
        SHORTCUT: [f"{one.auroc:.3f} {clean(one.name)}" if one else "" for one in shortcuts],
        f"{AGREEMENT} {lead}": [f"{one.tau:.2f} ({one.models})" if one else "" for one in alike],
    }
    return tuple((label, *[""] * blanks, *texts) for label, texts in rows.items() if any(texts))


def _mean_rank(board: Board, standing: Standing, entrant: Entrant) -> str:
    if entrant not in standing.mean_rank:
        return DASH
    own = [board.cell(entrant, column) for column in standing.columns if (entrant, column) in standing.ranks]
    if len(own) == 1:
        return f"{own[0].rank}{'=' * own[0].tied}"
    return f"{standing.mean_rank[entrant]:.1f}" + (f" ±{standing.spread:.1f}" if standing.spread else "")


def _variant(variant: str) -> str:
    return f" [{clean(variant)}]" if variant else ""
