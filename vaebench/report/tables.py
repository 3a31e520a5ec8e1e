"""Board -> tables of plain text, which every format then draws: overall, one per verdict, one per dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.contest import Place
from vaebench.leaderboard.floors import SHORTCUT
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant, Measure
from vaebench.records.clean import clean

DASH = "–"
PROVISIONAL = "°"
BOTH = "‡"
OPTIMISED = "†"
BEST_TOO = "≈"
EQUIVALENT = "="
FEW = "§"
GAP = "smallest gap that the column could have shown"
AGREEMENT = "Kendall's tau with"
ASIDE = {"reference": "", "newcomer": " (new)", "floor": " (floor)"}
MISSING = Cell()
ARROWS = {"higher": "↑", "lower": "↓"}


class Strong(str):
    """A text that formats show in bold."""


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    above: int
    """so many rows have every dataset and seed; the others stand below the line"""
    foot: tuple[tuple[str, ...], ...] = ()
    """what is no model: something that must be beaten, or what the columns have to do with each other"""

    def drawn(self) -> list[tuple[str, ...]]:
        """The rows with the line between them, where both sides have some, and the foot."""
        if not 0 < self.above < len(self.rows):
            return [*self.rows, *self.foot]
        line = ("not complete:", *[""] * (len(self.header) - 1))
        return [*self.rows[: self.above], line, *self.rows[self.above :], *self.foot]


def tables(board: Board) -> list[Table]:
    """All there is to know, the overall table first."""
    return [*summary(board), *by_dataset(board)]


def summary(board: Board) -> list[Table]:
    """What comes before every metric of every dataset."""
    verdicts = (by_verdict(board, one) for one in board.standings)
    return [*in_short(board), *overall(board), *on_fronts(board), *verdicts]


def in_short(board: Board) -> list[Table]:
    """The numbers that the suite wants in every summary, and the headlines, on each dataset."""
    found = []
    for dataset in board.datasets if board.summary else ():
        columns = [column for measure in board.summary if (column := main_column(board, dataset, measure))]
        names = [e for e in board.entrants if any(e in board.by_column.get(column, {}) for column in columns)]
        names.sort(key=lambda e: (bool(e.floor), board.label(e)))
        values = [_column(board, column) for column in columns]
        rows = [(name(board, e), *(own[e] for own in values)) for e in names]
        header = ("Model", *(f"{heading(c.measure, c.variant)} {ARROWS[c.measure.better]}" for c in columns))
        found.append(Table(f"Summary on {clean(dataset)}, by name", header, tuple(rows), len(rows)))
    return found


def main_column(board: Board, dataset: str, measure: Measure) -> Column | None:
    """Of several variants, the one that most of the models that the suite names fill."""
    own = [column for column in board.columns if (column.dataset, column.measure) == (dataset, measure)]

    def filled(column: Column) -> int:
        return sum(cell.estimate is not None for e, cell in board.by_column.get(column, {}).items() if named(board, e))

    return max(own, key=lambda column: (filled(column), column.variant), default=None)


def named(board: Board, entrant: Entrant) -> bool:
    return board.role(entrant) != "newcomer"


def overall(board: Board) -> list[Table]:
    """Mean place over datasets per verdict, with its interval; by name, because there is no total."""
    standings = [one for one in board.standings if is_ranked(one.measure)]
    if not standings:
        return []
    models = [e for e in board.entrants if board.role(e) != "floor"]
    names = sorted(models, key=lambda e: (all(e in one.lacks for one in standings), board.label(e)))
    if not any(one.places for one in standings):
        return []
    rows = [(name(board, e), *(_mean_rank(board, one, e) for one in standings)) for e in names]
    header = ("Model", *(f"{one.measure.verdict.capitalize()} ({clean(one.measure.title)})" for one in standings))
    above = sum(any(e not in one.lacks for one in standings) for e in names)
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
    shown = [e for e in standing.order if not e.floor or any(e in board.by_column.get(c, {}) for c in columns)]
    if any(SHORTCUT in board.by_column.get(column, {}) for column in columns):
        shown.append(SHORTCUT)
    if len(columns) == 1 and SHORTCUT in shown:
        shown = _by_mean(board, columns[0], shown)
    above = sum(e in standing.full or e == SHORTCUT for e in shown)
    return _over_datasets(board, columns, shown, above, ranks, f"{title}: ")


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
    rows = [(name(board, e), *([ranks.get(e, "")] if ranks else []), *(own[e] for own in values)) for e in entrants]
    if any(board.role(e) == "floor" for e in entrants):
        header.append("Beats floors")
        rows = [(*row, _beats(board, e, columns)) for e, row in zip(entrants, rows, strict=True)]
    trained = f"models trained on {measure.regime} images"
    title = f"{prefix}{heading(measure, shared)}, {measure.better} is better, {trained}"
    below = foot(board, columns, blanks=int(bool(ranks)))
    below = tuple((*row, *[""] * (len(header) - len(row))) for row in below)
    return Table(title, tuple(header), tuple(rows), above, below)


def _on_dataset(
    board: Board, dataset: str, verdict: str, columns: Sequence[Column], standing: Standing | None
) -> Table:
    """A column per metric of one verdict."""
    listed = board.entrants if standing else sorted(board.entrants, key=board.label)
    entrants = [e for e in listed if any(e in board.by_column.get(column, {}) for column in columns)]
    lead = next((column for column in standing.main if column in columns), None) if standing else None
    if lead:
        entrants = _by_mean(board, lead, entrants)
    values = [_column(board, column) for column in columns]
    rows = [(name(board, e), *(texts[e] for texts in values)) for e in entrants]
    header = ("Model", *(f"{heading(c.measure, c.variant)} {ARROWS[c.measure.better]}" for c in columns))
    title, below = f"{verdict.capitalize()} on {clean(dataset)}", foot(board, columns, blanks=0)
    return Table(title, header, tuple(rows), len(rows), below)


def _by_mean(board: Board, column: Column, entrants: Sequence[Entrant]) -> list[Entrant]:
    """The best mean first; what has none, and what lacks seeds, last."""
    sign = -1 if column.measure.better == "higher" else 1
    full = {e for one in board.standings if column in one.main for e in one.full} | {SHORTCUT}

    def key(entrant: Entrant) -> tuple[bool, bool, float]:
        found = board.cell(entrant, column).estimate
        return found is None, entrant not in full, sign * found.mean if found else 0.0

    return sorted(entrants, key=key)


def _beats(board: Board, entrant: Entrant, columns: Sequence[Column]) -> str:
    """`5 of 6; not pca`, over the columns; empty for a row without a rank."""
    own = [(column, cell) for column in columns if (cell := board.cell(entrant, column)).place]
    beaten = [floor in cell.beats for column, cell in own for floor in _floors(board, column)]
    missed = dict.fromkeys(f for column, cell in own for f in _floors(board, column) if f not in cell.beats)
    if not beaten:
        return ""
    return f"{sum(beaten)} of {len(beaten)}" + (f"; not {', '.join(map(clean, missed))}" if missed else "")


def _floors(board: Board, column: Column) -> list[str]:
    """The names of the floors with a number in a column."""
    rows = board.by_column.get(column, {})
    return [e.floor or e.model for e in board.entrants if board.role(e) == "floor" and e in rows and rows[e].estimate]


def name(board: Board, entrant: Entrant) -> str:
    """The label of a row; newcomers and floors are told apart by a word."""
    return clean(board.label(entrant)) + ASIDE[board.role(entrant)]


def title(board: Board) -> str:
    return clean(board.title, 300)


def heading(measure: Measure, variant: str) -> str:
    """`MS-SSIM [L3]`, `PSNR (dB)`"""
    return clean(measure.title) + _variant(variant) + (f" ({clean(measure.unit)})" if measure.unit else "")


def show(cell: Cell, decimals: int) -> str:
    """`0.812 ±0.021≈° (2–5)`, or a dash, or how many trials failed; the best mean in bold."""
    failed = f"{cell.failed} failed" if cell.failed else ""
    if cell.estimate is None:
        return failed or DASH
    found, half = cell.estimate, ""
    if found.high is not None and found.low is not None and found.high > found.low:
        width = (found.high - found.low) / 2
        least = 10.0**-decimals
        half = f" ±{width:,.{decimals}f}" if width >= least / 2 else f" ±<{least:.{decimals}f}"
    equal = cell.label == "equivalent" and not cell.best
    told = EQUIVALENT * equal or BEST_TOO * bool(cell.place and cell.place.marked and not cell.best)
    few = FEW * (found.few or cell.few_images)
    marks = told + PROVISIONAL * found.provisional + OPTIMISED * cell.optimised + BOTH * cell.both + few
    aside = ", ".join(part for part in (rank_of(cell.place), failed) if part)
    detail = f" {clean(cell.detail)}" if cell.detail else ""
    text = f"{plain(found.mean, decimals)}{detail}{half}{marks}{f' ({aside})' if aside else ''}"
    return Strong(text) if cell.best and cell.place else text


def plain(value: float, decimals: int) -> str:
    """A number with so many decimals; zero has no sign."""
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text


def rank_of(place: Place | None) -> str:
    """`2–5`, or `2` where both ends are one."""
    if place is None:
        return ""
    ranks = str(place.low) if place.low == place.high else f"{place.low}–{place.high}"
    return f"{ranks}, above every reference" if place.above_all else ranks


def _column(board: Board, column: Column) -> dict[Entrant, str]:
    """The texts of a column, all with the same decimals."""
    known = board.by_column.get(column, {})
    cells = {entrant: known.get(entrant, MISSING) for entrant in board.entrants}
    decimals = decimals_in(board, column)
    return {entrant: show(cell, decimals) for entrant, cell in cells.items()}


def decimals_in(board: Board, column: Column) -> int:
    """The decimals of a column, which newcomers do not change."""
    known = board.by_column.get(column, {})
    return decimals_of([cell for e, cell in known.items() if named(board, e) and cell.estimate] or known.values())


def decimals_of(cells: Iterable[Cell]) -> int:
    """Two digits for the typical uncertainty; without any, four for the largest number; none for whole numbers."""
    found = [cell.estimate for cell in cells if cell.estimate]
    ends = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    halves = sorted((high - low) / 2 for low, high in ends if high > low)
    if halves:
        return _clip(1 - math.floor(math.log10(halves[len(halves) // 2])))
    if all(one.mean == round(one.mean) for one in found):
        return 0
    return _clip(3 - math.floor(math.log10(max(abs(one.mean) for one in found))))


def _clip(decimals: int) -> int:
    return min(max(decimals, 0), 4)


def foot(board: Board, columns: Sequence[Column], blanks: int) -> tuple[tuple[str, ...], ...]:
    """Below all rows: what a column could have shown, and how alike it and the one that ranks order the references."""
    gaps = [board.gaps.get(column) for column in columns]
    alike = [board.agreements.get(column) for column in columns]
    lead = next((clean(one.lead.measure.title) for one in alike if one), "")
    rows = {
        GAP: ["" if one is None else f"{one:.1g}" for one in gaps],
        f"{AGREEMENT} {lead}": [f"{one.tau:.2f} ({one.models})" if one else "" for one in alike],
    }
    return tuple((label, *[""] * blanks, *texts) for label, texts in rows.items() if any(texts))


def _mean_rank(board: Board, standing: Standing, entrant: Entrant) -> str:
    low, high = standing.interval(entrant)
    if low is None or high is None:
        return "" if board.role(entrant) == "floor" else DASH
    if len(standing.main) == 1:
        return rank_of(standing.places[entrant, standing.main[0]])
    interval = f"{low:.1f}–{high:.1f}"
    return f"{standing.mean_rank[entrant]:.1f} ({interval})" if entrant in standing.mean_rank else f"({interval})"


def _variant(variant: str) -> str:
    return f" [{clean(variant)}]" if variant else ""
