"""A board's cell as text: the number, with as many digits as its error allows, its interval, marks and rank."""

from __future__ import annotations

import math
from collections.abc import Iterable

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.contest import Place
from vaebench.leaderboard.ranks import Column
from vaebench.records.clean import clean

DASH = "–"
BEST_TOO = "≈"
EQUIVALENT = "="
PROVISIONAL = "°"
OPTIMISED = "†"
BOTH = "‡"
FEW = "§"
WARNED = "!"
MARKS = (DASH, BEST_TOO, EQUIVALENT, PROVISIONAL, OPTIMISED, BOTH, FEW, WARNED)


class Strong(str):
    """A text that is shown in bold in every format."""


def show(cell: Cell, decimals: int, with_rank: bool = True) -> str:
    """Return a cell as text: `0.812 ±0.021≈° (2–5)`, a dash, or the number of failed trials.

    The best mean of a ranked column is bold."""
    failed = f"{cell.failed} failed" if cell.failed else ""
    if cell.estimate is None:
        return failed or DASH
    detail = f" {clean(cell.detail)}" if cell.detail else ""
    rank = rank_of(cell.place) if with_rank else ""
    aside = ", ".join(part for part in (rank, failed) if part)
    number = f"{plain(cell.estimate.mean, decimals)}{detail}{_half(cell, decimals)}{_marks(cell)}"
    text = f"{number} ({aside})" if aside else number
    return Strong(text) if cell.best and cell.place else text


def plain(value: float, decimals: int) -> str:
    """Format a number with the given number of decimals; zero has no sign."""
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text


def short(value: float) -> str:
    """Format a positive number with two significant digits."""
    rounded = float(f"{value:.2g}")
    return plain(rounded, max(0, 1 - math.floor(math.log10(rounded))))


def rank_of(place: Place | None) -> str:
    """Return a rank interval as text: `2–5`, or `2` if both ends are equal."""
    if place is None:
        return ""
    ranks = str(place.low) if place.low == place.high else f"{place.low}–{place.high}"
    return f"{ranks}, above every reference" if place.above_all else ranks


def decimals_in(board: Board, column: Column) -> int:
    """Return the number of decimals in a column; newcomers do not change it."""
    known = board.by_column.get(column, {})
    own = [cell for entrant, cell in known.items() if board.role(entrant) != "newcomer" and cell.estimate]
    return decimals_of(own or known.values())


def decimals_of(cells: Iterable[Cell]) -> int:
    """Return the number of decimals that shows two digits of the typical uncertainty.

    Without uncertainties, the largest number gets four digits; whole numbers get no decimals."""
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


def _half(cell: Cell, decimals: int) -> str:
    """Return half the interval's width as text; a width of zero is not shown, and a small width never becomes zero."""
    found = cell.estimate
    if not found or found.low is None or found.high is None or found.high <= found.low:
        return ""
    width, least = (found.high - found.low) / 2, 10.0**-decimals
    return f" ±{width:,.{decimals}f}" if width >= least / 2 else f" ±<{least:.{decimals}f}"


def _marks(cell: Cell) -> str:
    found = cell.estimate
    equal = cell.label == "equivalent" and not cell.best
    best_too = bool(cell.place and cell.place.marked and not cell.best)
    compared = EQUIVALENT if equal else BEST_TOO * best_too
    provisional = bool(found and found.provisional)
    few = bool(found and found.few) or cell.few_images
    origin = OPTIMISED * cell.optimised + BOTH * cell.both
    return compared + PROVISIONAL * provisional + origin + FEW * few + WARNED * bool(cell.warnings)
