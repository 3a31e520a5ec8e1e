"""Rate-distortion plots: the cost of a model's codes against the quality of reconstruction, one plot per dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.runs import Entrant
from vaebench.report.numbers import plain
from vaebench.report.svg import drawing, line, mark, scale, text
from vaebench.report.tables import dataset_name, heading, name, prices

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 70, 180, 34, 50
LINE = 12
"""Least distance between two labels in pixels."""


class Point(NamedTuple):
    entrant: Entrant
    price: float
    quality: float


class Picture(NamedTuple):
    """A plot of two columns, with a point for each row that has both numbers."""

    price: Column
    quality: Column
    points: tuple[Point, ...]


def pictures(board: Board) -> Iterator[Picture]:
    """Yield a plot for each dataset on which models have both the headline metric and a price.

    If the suite names several prices for the verdict, the first one is used."""
    for standing in board.standings:
        for quality in standing.main:
            for price in prices(board, quality.dataset, standing.measure.verdict)[:1]:
                made = picture(board, price, quality)
                if len(made.points) > 1:
                    yield made


def picture(board: Board, price: Column, quality: Column) -> Picture:
    """Return a plot of the rows that have a number in both columns."""
    cells = ((e, board.cell(e, price).estimate, board.cell(e, quality).estimate) for e in board.entrants)
    return Picture(price, quality, tuple(Point(e, one.mean, two.mean) for e, one, two in cells if one and two))


def svg(board: Board, drawn: Picture) -> str:
    """Return a plot as the content of an SVG file. Floors are hollow squares."""
    xs, ys = [point.price for point in drawn.points], [point.quality for point in drawn.points]
    across, up = scale(min(xs), max(xs), LEFT, WIDTH - RIGHT), scale(min(ys), max(ys), HEIGHT - BOTTOM, TOP)
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>']
    for value in (min(xs), max(xs)):
        parts.append(text(across(value), HEIGHT - BOTTOM + 16, plain(value, 0), "middle"))
    for value in (min(ys), max(ys)):
        parts.append(text(LEFT - 6, up(value) + 4, plain(value, 3), "end"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, heading(*drawn.price[1:]), "middle"))
    where = dataset_name(board, drawn.quality.dataset)
    parts.append(text(LEFT, TOP - 16, f"{heading(*drawn.quality[1:])} on {where}"))
    below = float("-inf")
    for point in sorted(drawn.points, key=lambda one: (up(one.quality), one.entrant)):
        x, y = across(point.price), up(point.quality)
        below = max(y + 4, below + LINE)
        parts.append(mark(x, y, board.role(point.entrant) == "floor"))
        parts.append(line("lead", x + 6, y, WIDTH - RIGHT + 8, below - 4))
        parts.append(text(WIDTH - RIGHT + 12, below, name(board, point.entrant)))
    return drawing(WIDTH, HEIGHT, parts)
