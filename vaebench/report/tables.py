"""Turns a board into tables of plain text (overall, per verdict and per dataset), which every format renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant, Measure
from vaebench.records.clean import clean
from vaebench.report.numbers import DASH, decimals_in, plain, rank_of, short, show
from vaebench.report.order import by_means, has_every_seed, main_column

GAP = "smallest gap, detected in half of the cases"
AGREEMENT = "Kendall's tau with"
BEATS = "Beats floors"
ASIDE = {"reference": "", "newcomer": " (new)", "floor": " (floor)"}
MISSING = Cell()
ARROWS = {"higher": "↑", "lower": "↓"}


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    above: int
    """number of rows with every dataset and seed; the other rows are shown below a line"""
    foot: tuple[tuple[str, ...], ...] = ()
    """rows about whole columns: the smallest gap that they can show, and their agreement with the headline"""

    def drawn(self) -> list[tuple[str, ...]]:
        """Return the rows and the foot, with a line between complete and incomplete rows if there are both."""
        if not 0 < self.above < len(self.rows):
            return [*self.rows, *self.foot]
        line = ("not complete:", *[""] * (len(self.header) - 1))
        return [*self.rows[: self.above], line, *self.rows[self.above :], *self.foot]


def tables(board: Board) -> list[Table]:
    """Return all tables, the overall table first."""
    return [*summary(board), *by_dataset(board)]


def summary(board: Board) -> list[Table]:
    """Return the tables that are shown before those of each dataset."""
    verdicts = (by_verdict(board, one) for one in board.standings)
    return [*in_short(board), *overall(board), *on_fronts(board), *verdicts]


def in_short(board: Board) -> list[Table]:
    """Return a table per dataset with the metrics of the suite's summary and the headlines."""
    found = []
    for dataset in board.datasets if board.summary else ():
        mains = [column for measure in board.summary if (column := main_column(board, dataset, measure))]
        columns = _filled(board, mains)
        if not columns:
            continue
        names = _filling(board, columns)
        names.sort(key=lambda e: (bool(e.floor), board.label(e)))
        values = [_column(board, column) for column in columns]
        rows = [(name(board, e), *(own[e] for own in values)) for e in names]
        header = ("Model", *(f"{heading(c.measure, c.variant)} {ARROWS[c.measure.better]}" for c in columns))
        found.append(Table(f"Summary on {dataset_name(board, dataset)}, by name", header, tuple(rows), len(rows)))
    return found


def overall(board: Board) -> list[Table]:
    """Return a table of each model's mean rank in each verdict, sorted by name because there is no total score."""
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
    """Return a table with the number of datasets on which each entrant is on the Pareto front of a verdict."""
    kinds = list(dict.fromkeys((front.quality.measure, front.cost.variant) for front in board.fronts))
    own = [[front for front in board.fronts if (front.quality.measure, front.cost.variant) == kind] for kind in kinds]
    rows = []
    for entrant in sorted({e for front in board.fronts for e in front.entrants}, key=board.label):
        counts = [sum(entrant in front.entrants for front in fronts) for fronts in own]
        texts = (f"{count} of {len(fronts)}" for count, fronts in zip(counts, own, strict=True))
        rows.append((name(board, entrant), *texts))
    empty = [sum(not front.entrants for front in fronts) for fronts in own]
    if any(empty):
        texts = (f"{count} of {len(fronts)}" for count, fronts in zip(empty, own, strict=True))
        rows.append(("(no model: floors are better and faster)", *texts))
    header = ("Model", *(f"{measure.verdict.capitalize()}{_variant(place)}" for measure, place in kinds))
    title = "Pareto-optimal in quality and training time, by means alone: number of datasets (floors included)"
    return [Table(title, header, tuple(rows), len(rows))] if rows else []


def by_verdict(board: Board, standing: Standing) -> Table:
    """Return the table of a verdict's headline on every dataset, best first."""
    columns, several = standing.columns, is_ranked(standing.measure) and len(standing.columns) > 1
    shown = by_means(board, standing.main, _filling(board, columns))
    ranks = {entrant: _mean_rank(board, standing, entrant) for entrant in shown} if several else {}
    above = sum(has_every_seed(board, entrant, standing.main) for entrant in shown)
    return _over_datasets(board, columns, shown, above, ranks, f"{standing.measure.verdict.capitalize()}: ")


def by_metric(board: Board) -> list[Table]:
    """Return a table for every metric that is not a headline, with all datasets, best first."""
    leading = {one.measure for one in board.standings}
    found = []
    for measure in dict.fromkeys(column.measure for column in board.columns):
        if measure not in leading:
            own = [column for column in board.columns if column.measure == measure]
            main = [column for dataset in board.datasets if (column := main_column(board, dataset, measure))]
            shown = by_means(board, main, _filling(board, own))
            found.append(_over_datasets(board, own, shown, len(shown)))
    return found


def by_dataset(board: Board) -> list[Table]:
    """Return a table per dataset and verdict with every metric, sorted by the headline, best first."""
    standings: dict[str, Standing] = {one.measure.verdict: one for one in board.standings}
    groups: dict[tuple[str, str], list[Column]] = {}
    for column in board.columns:
        groups.setdefault((column.dataset, column.measure.verdict), []).append(column)
    filled = {at: own for at, own in groups.items() if _filled(board, own)}
    return [_on_dataset(board, *at, own, standings.get(at[1])) for at, own in filled.items()]


def _over_datasets(
    board: Board,
    columns: Sequence[Column],
    entrants: Sequence[Entrant],
    above: int,
    ranks: Mapping[Entrant, str] | None = None,
    prefix: str = "",
) -> Table:
    """Return a table of one metric with a column per dataset."""
    measure, variants = columns[0].measure, {column.variant for column in columns}
    shared = variants.pop() if len(variants) == 1 else ""
    header = ["Model", *(["Mean rank"] if ranks else [])]
    header += [dataset_name(board, c.dataset) + (_variant(c.variant) if not shared else "") for c in columns]
    values = [_column(board, column) for column in columns]
    rows = [(name(board, e), *([ranks.get(e, "")] if ranks else []), *(own[e] for own in values)) for e in entrants]
    if beats := _beats(board, entrants, columns):
        header.append(BEATS)
        rows = [(*row, beats[e]) for e, row in zip(entrants, rows, strict=True)]
    trained = f"models trained on {measure.regime} images"
    title = f"{prefix}{heading(measure, shared)}, {measure.better} is better, {trained}"
    below = foot(board, columns, blanks=int(bool(ranks)))
    below = tuple((*row, *[""] * (len(header) - len(row))) for row in below)
    return Table(title, tuple(header), tuple(rows), above, below)


def _on_dataset(
    board: Board, dataset: str, verdict: str, columns: Sequence[Column], standing: Standing | None
) -> Table:
    """Return a table of one verdict on one dataset with a column per metric."""
    columns = _filled(board, [*columns, *prices(board, dataset, verdict)])
    entrants = _filling(board, columns)
    lead = next((column for column in standing.main if column in columns), None) if standing else None
    entrants = by_means(board, [lead], entrants) if lead else sorted(entrants, key=board.label)
    values = [_column(board, column) for column in columns]
    rows = [(name(board, e), *(texts[e] for texts in values)) for e in entrants]
    header = ["Model", *(f"{heading(c.measure, c.variant)} {ARROWS[c.measure.better]}" for c in columns)]
    below = foot(board, columns, blanks=0)
    if beats := _beats(board, entrants, columns):
        header.append(BEATS)
        rows = [(*row, beats[e]) for e, row in zip(entrants, rows, strict=True)]
        below = tuple((*row, "") for row in below)
    return Table(
        f"{verdict.capitalize()} on {dataset_name(board, dataset)}", tuple(header), tuple(rows), len(rows), below
    )


def prices(board: Board, dataset: str, verdict: str) -> list[Column]:
    """Return the columns with the prices of a verdict's results, in the suite's order."""
    names = board.rules.beside(verdict)
    told = [column for column in board.columns if column.dataset == dataset and column.measure.verdict != verdict]
    own = [column for column in told if column.measure.name in names]
    return sorted(own, key=lambda column: names.index(column.measure.name))


def _filling(board: Board, columns: Sequence[Column]) -> list[Entrant]:
    """Return the entrants that have a number or a failure in any of the columns."""
    cells = ((e, board.cell(e, column)) for e in board.entrants for column in columns)
    return list(dict.fromkeys(e for e, cell in cells if cell.estimate or cell.failed))


def _filled(board: Board, columns: Sequence[Column]) -> list[Column]:
    """Return the columns in which any entrant has a number or a failure."""
    cells = ((column, cell) for column in columns for cell in board.by_column.get(column, {}).values())
    return list(dict.fromkeys(column for column, cell in cells if cell.estimate or cell.failed))


def _beats(board: Board, entrants: Sequence[Entrant], columns: Sequence[Column]) -> dict[Entrant, str]:
    """Return, for each row, which floors it beats and which it does not; empty without floors or ranks."""
    found = {entrant: beats(board, entrant, columns) for entrant in entrants}
    return found if any(found.values()) else {}


def beats(board: Board, entrant: Entrant, columns: Sequence[Column]) -> str:
    """Return how many floors a row beats in these columns, such as `5 of 6; not pca`; empty if it has no rank."""
    ranked = [(cell.beats, floors(board, column)) for column in columns if (cell := board.cell(entrant, column)).place]
    told = [(floor, floor in beaten) for beaten, own in ranked for floor in own]
    missed = dict.fromkeys(clean(floor) for floor, done in told if not done)
    if not told:
        return ""
    return f"{sum(done for _, done in told)} of {len(told)}" + (f"; not {', '.join(missed)}" if missed else "")


def floors(board: Board, column: Column) -> list[str]:
    """Return the names of the floors with a number in a column."""
    rows = board.by_column.get(column, {})
    return [e.floor or e.model for e in board.floors if e in rows and rows[e].estimate]


def name(board: Board, entrant: Entrant) -> str:
    """Return the label of a row, followed by `(new)` for a newcomer and `(floor)` for a floor."""
    return clean(board.label(entrant)) + ASIDE[board.role(entrant)]


def aside(board: Board) -> str:
    """Return the suffix for the names of datasets, so that phantoms are not mistaken for patients."""
    return " (phantom)" if board.source == "phantom" else ""


def dataset_name(board: Board, dataset: str) -> str:
    return clean(board.names.get(dataset, dataset)) + aside(board)


def groups(board: Board, dataset: str) -> str:
    """Return what the groups of a dataset's images are, such as `patients`; a phantom has just `groups`."""
    declared = board.rules.declares(dataset, "groups_are") if board.source == "real" else ""
    return clean(declared) or "groups"


def title(board: Board) -> str:
    return clean(board.title, 300)


def heading(measure: Measure, variant: str) -> str:
    """Return the header of a column, such as `MS-SSIM [L3]` or `PSNR (dB)`."""
    return clean(measure.title) + _variant(variant) + (f" ({clean(measure.unit)})" if measure.unit else "")


def _column(board: Board, column: Column) -> dict[Entrant, str]:
    """Return the texts of a column, all with the same number of decimals."""
    known = board.by_column.get(column, {})
    cells = {entrant: known.get(entrant, MISSING) for entrant in board.entrants}
    decimals = decimals_in(board, column)
    return {entrant: show(cell, decimals) for entrant, cell in cells.items()}


def foot(board: Board, columns: Sequence[Column], blanks: int) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the foot: the smallest gap each column can show, and its agreement with the headline."""
    gaps = [board.gaps.get(column) for column in columns]
    alike = [board.agreements.get(column) for column in columns]
    lead = next((clean(one.lead.measure.title) for one in alike if one), "")
    rows = {
        GAP: [short(one) if one else "" for one in gaps],
        f"{AGREEMENT} {lead}": [f"{plain(one.tau, 2)} ({one.models})" if one else "" for one in alike],
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
