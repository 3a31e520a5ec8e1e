"""The headline of a verdict as a forest plot: means with intervals, best first, and floors as reference lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import Estimate
from vaebench.report.numbers import decimals_in, plain
from vaebench.report.order import by_means
from vaebench.report.svg import drawing, line, mark, scale, text
from vaebench.report.tables import dataset_name, heading, name

WIDTH, NAMES, RIGHT, ROW, TOP, BOTTOM = 420, 176, 14, 17, 42, 44
ABREAST = 2
"""Number of panels side by side; each shows one dataset."""
LONGEST, LONGEST_TITLE = 24, 66
"""Largest number of characters of a name and of a title; longer ones are cut."""
ROOM = 2
"""A floor farther from the models' range than this many times that range is shown at the edge, with its value."""

Row = tuple[Entrant, Estimate]


def forest(board: Board, standing: Standing) -> str:
    """Return an SVG with a panel for each dataset that has headline numbers; empty if there is none."""
    panels = [
        (column, rows)
        for column in standing.main
        if column in standing.columns
        if len(rows := _rows(board, column)) > 1
    ]
    heights = [TOP + ROW * len(rows) + BOTTOM for _, rows in panels]
    tall, parts = max(heights, default=0), []
    for number, (column, rows) in enumerate(panels):
        left, top = number % ABREAST * WIDTH, number // ABREAST * tall
        parts.append(f'<g transform="translate({left} {top})">')
        parts += [*_panel(board, column, rows, standing.best.get(column)), "</g>"]
    return drawing(WIDTH * min(len(panels), ABREAST), tall * -(-len(panels) // ABREAST), parts) if panels else ""


def _rows(board: Board, column: Column) -> list[Row]:
    """Return the models, sorted by their mean, and then the floors."""
    known = {e: cell.estimate for e, cell in board.by_column.get(column, {}).items() if cell.estimate}
    ordered = sorted(by_means(board, [column], list(known)), key=lambda entrant: board.role(entrant) == "floor")
    return [(entrant, known[entrant]) for entrant in ordered]


def _panel(board: Board, column: Column, rows: Sequence[Row], best: Entrant | None) -> Iterator[str]:
    low, high = _reach(board, rows)
    at, base, decimals = scale(low, high, NAMES, WIDTH - RIGHT), TOP + ROW * len(rows), decimals_in(board, column)
    yield text(8, 16, _cut(dataset_name(board, column.dataset), LONGEST_TITLE), kind="best")
    yield text(8, 31, _cut(heading(column.measure, column.variant), LONGEST_TITLE))
    yield f'<path class="axis" d="M{NAMES} {base}H{WIDTH - RIGHT}"/>'
    for value in (low, (low + high) / 2, high):
        yield text(at(value), base + 15, plain(value, decimals), "middle")
    higher = column.measure.better == "higher"
    yield text((NAMES + WIDTH) / 2, base + 31, "higher is better →" if higher else "← lower is better", "middle")
    for number, (entrant, found) in enumerate(rows):
        y, floor = TOP + ROW * (number + 0.5), board.role(entrant) == "floor"
        yield text(NAMES - 8, y + 4, _cut(name(board, entrant)), "end", "best" if entrant == best else "")
        if not low <= found.mean <= high:
            below = found.mean < low
            told = f"‹ {plain(found.mean, decimals)}" if below else f"{plain(found.mean, decimals)} ›"
            yield text(at(low if below else high), y + 4, told, "start" if below else "end", "far")
            continue
        if floor:
            yield line("reference", at(found.mean), TOP, at(found.mean), y)
        if found.low is not None and found.high is not None:
            yield line("span of-floor" if floor else "span", at(max(found.low, low)), y, at(min(found.high, high)), y)
        yield mark(at(found.mean), y, floor)


def _reach(board: Board, rows: Sequence[Row]) -> tuple[float, float]:
    """Return the range of the models' intervals and of nearby floors."""
    models = [found for entrant, found in rows if board.role(entrant) != "floor"] or [found for _, found in rows]
    low, high = _ends(models)
    room = ROOM * (high - low)
    return _ends([*models, *(found for _, found in rows if low - room <= found.mean <= high + room)])


def _ends(found: Sequence[Estimate]) -> tuple[float, float]:
    ends = [value for one in found for value in (one.mean, one.low, one.high) if value is not None]
    low, high = min(ends), max(ends)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _cut(told: str, most: int = LONGEST) -> str:
    return told if len(told) <= most else f"{told[: most - 1]}…"
