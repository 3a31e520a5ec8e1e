"""A forest plot of a board as SVG: a panel for each verdict, models with their intervals, floors as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.floors import SHORTCUT
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.statistics import Estimate
from vaebench.records.clean import clean
from vaebench.report.numbers import decimals_in, plain
from vaebench.report.tables import ARROWS

NAMES, WIDTH, MARGIN, LINE, HEAD, GAP = 104, 290, 16, 16, 44, 24
"""In pixels: the width of model names, of the scale and of the margin; the height of a row, of a title, and of the gap
between two panels."""
ACROSS = NAMES + WIDTH + MARGIN
ROOM = 0.6
"""The largest share of the models' range by which a floor may extend the scale; floors farther away are listed below
the panel."""
LETTER = 6
"""The approximate width of a letter in pixels."""
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#16181d}.title{font-weight:600}.quiet{fill:#5a6170}"
    ".axis{stroke:#d9dce3}.span{stroke:#0065a8;stroke-width:2.5}.mean{fill:#0065a8}"
    ".floor{stroke:#b84a00;stroke-dasharray:4 3}.floors{fill:#b84a00}"
)
"""The colours of the page (`page.css`)."""


class Scale(NamedTuple):
    low: float
    high: float
    left: float

    def at(self, value: float) -> float:
        return self.left + WIDTH * (value - self.low) / (self.high - self.low)


def forest(board: Board, dataset: str) -> str:
    """Return the SVG picture of one dataset, with two panels in a row."""
    panels = [
        (one, at) for one in board.standings if is_ranked(one.measure) for at in one.main if at.dataset == dataset
    ]
    lines: list[str] = []
    top = 0.0
    for start in range(0, len(panels), 2):
        drawn = [panel(board, *own, ACROSS * i, top) for i, own in enumerate(panels[start : start + 2])]
        lines += [line for own, _ in drawn for line in own]
        top = max(end for _, end in drawn) + GAP
    size = f'width="{2 * ACROSS}" height="{top:.0f}" viewBox="0 0 {2 * ACROSS} {top:.0f}"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    body = "\n".join([f"<style>{STYLE}</style>", ground, *lines])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}\n</svg>\n'


def panel(board: Board, standing: Standing, column: Column, x: float, y: float) -> tuple[list[str], float]:
    """Return the panel of one verdict as lines of SVG, best mean first, and the y coordinate of its end."""
    rows = board.by_column.get(column, {})
    cells = [(e, found) for e in (*standing.order, SHORTCUT) if e in rows and (found := rows[e].estimate)]
    models = [(board.label(e), found) for e, found in cells if board.role(e) == "reference"]
    floors = sorted((found.mean, e.floor or e.model) for e, found in cells if board.role(e) == "floor")
    decimals = decimals_in(board, column)
    low, high = reach([found for _, found in models], [mean for mean, _ in floors])
    scale = Scale(low, high, x + NAMES)
    top, end = y + HEAD, y + HEAD + LINE * len(models)
    title = f"{standing.measure.verdict.capitalize()}: {clean(column.measure.title)} {ARROWS[column.measure.better]}"
    lines = [text(x + 8, y + 24, title, "title"), line("axis", scale.left, end, scale.left + WIDTH, end)]
    near = [(scale.at(mean), name) for mean, name in floors if low <= mean <= high]
    lines += [line("floor", place, top - 8, place, end) for place, _ in near]
    labels = [(min(max(at, x + wide(name) / 2), x + ACROSS - wide(name) / 2), name) for at, name in near]
    for number, (name, found) in enumerate(models):
        middle = top + LINE * (number + 0.5)
        lines.append(text(scale.left - 8, middle + 4, name, anchor="end"))
        lines.append(line("span", *(value for side in ends(found) for value in (scale.at(side), middle))))
        lines.append(f'<circle class="mean" cx="{scale.at(found.mean):.1f}" cy="{middle:.1f}" r="3.5"/>')
    for value, anchor in ((low, "start"), (high, "end")):
        lines.append(text(scale.at(value), end + 14, plain(value, decimals), "quiet", anchor))
    below = end + 14
    for row in in_rows(labels):
        below += LINE - 2
        lines += [text(place, below, name, "floors", "middle") for place, name in row]
    far = [f"{name} {plain(mean, decimals)}" for mean, name in floors if not low <= mean <= high]
    for told in wrap(f"off the scale: {', '.join(far)}", (ACROSS - MARGIN) // LETTER) if far else ():
        below += LINE - 2
        lines.append(text(x + 8, below, told, "floors"))
    return lines, below


def ends(found: Estimate) -> tuple[float, float]:
    if found.low is None or found.high is None:
        return found.mean, found.mean
    return found.low, found.high


def reach(models: Sequence[Estimate], floors: Sequence[float]) -> tuple[float, float]:
    """Return both ends of a scale, which contains the models' intervals and the floors that are close to them."""
    low, high = min(ends(one)[0] for one in models), max(ends(one)[1] for one in models)
    room = ROOM * (high - low)
    near = [mean for mean in floors if low - room <= mean <= high + room]
    low, high = min([low, *near]), max([high, *near])
    margin = 0.02 * ((high - low) or 1)
    return low - margin, high + margin


def in_rows(labels: Sequence[tuple[float, str]]) -> Iterator[list[tuple[float, str]]]:
    """Yield rows of labels from left to right; each label is in the first row in which it overlaps no other."""
    rows: list[list[tuple[float, str]]] = []
    for place, name in labels:
        for row in rows:
            last, other = row[-1]
            if last + wide(other) / 2 + LETTER <= place - wide(name) / 2:
                row.append((place, name))
                break
        else:
            rows.append([(place, name)])
    yield from rows


def wide(name: str) -> float:
    return LETTER * len(name)


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, told: str, kind: str = "", anchor: str = "start") -> str:
    look = f' class="{kind}"' if kind else ""
    return f'<text{look} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(told)}</text>'
