"""Critical differences of mean ranks over independent sources (Demšar 2006), as a picture; few sources make none.

Friedman ranks: in every source the models are ranked by their means, ties sharing a rank. Two of k models differ over n
sources where their mean ranks are further apart than Nemenyi's q * sqrt(k (k + 1) / (6 n)), and Friedman's test says
that there are differences at all. It is a test over sources: the ranks of the tables, over patients and seeds of one
dataset, are another thing.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import Standing, is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import LEVEL
from vaebench.records.clean import clean

ENOUGH_SOURCES = 10
WIDTH = 6.8
"""Inches: two columns of a paper."""


@dataclass(frozen=True)
class Differences:
    """Mean ranks by value, and how far apart they must be."""

    entrants: tuple[Entrant, ...]
    """best first"""
    ranks: tuple[float, ...]
    critical: float
    sources: int
    p: float
    """of Friedman's test, in the form of Iman and Davenport"""

    def alike(self) -> list[tuple[int, int]]:
        """First and last of every longest run of models that cannot be told apart."""
        if self.p > 1 - LEVEL:
            return [(0, len(self.ranks) - 1)]
        spans: list[tuple[int, int]] = []
        for first, best in enumerate(self.ranks):
            last = max(place for place, rank in enumerate(self.ranks) if rank - best <= self.critical)
            if last > max([first, *(end for _, end in spans)]):
                spans.append((first, last))
        return spans


def why_not(board: Board) -> str:
    """Why a board has no such picture; empty if it has."""
    count = len(sources(board))
    if count >= ENOUGH_SOURCES:
        return ""
    one = "; phantoms of one generator are one source" if board.source == "phantom" else ""
    return f"it takes {ENOUGH_SOURCES} independent sources of images, and here is {count}{one}"


def sources(board: Board) -> set[str]:
    """Where the images come from in the end."""
    return {"phantom"} if board.source == "phantom" and board.origins else set(board.origins.values())


def differences(board: Board, standing: Standing) -> Differences | None:
    """Of those who rank; None where they or the sources are too few."""
    if why_not(board) or not is_ranked(standing.measure) or len(standing.mean_rank) < 3:
        return None
    from scipy.stats import f, rankdata, studentized_range

    entrants, sign = sorted(standing.mean_rank), -1 if standing.measure.better == "higher" else 1
    places: dict[str, list[np.ndarray]] = defaultdict(list)
    for column in dict.fromkeys(column for _, column in standing.ranks):
        found = [board.cell(entrant, column).estimate for entrant in entrants]
        places[board.origins[column.dataset]].append(rankdata([sign * one.mean for one in found if one]))
    if (n := len(places)) < ENOUGH_SOURCES:
        return None
    ranks = np.mean([np.mean(own, 0) for own in places.values()], 0)  # of a source with several sets, their mean
    k = len(entrants)
    chi = 12 * n / (k * (k + 1)) * float(np.square(ranks - (k + 1) / 2).sum())
    statistic = (n - 1) * chi / (n * (k - 1) - chi) if chi < n * (k - 1) else np.inf
    critical = studentized_range.ppf(LEVEL, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n))
    order = np.argsort(ranks, kind="stable")
    return Differences(
        entrants=tuple(entrants[place] for place in order),
        ranks=tuple(float(ranks[place]) for place in order),
        critical=float(critical),
        sources=n,
        p=float(f.sf(statistic, k - 1, (k - 1) * (n - 1))),
    )


def draw(board: Board, standing: Standing) -> str | None:
    """An SVG: models at their mean rank, and a bar over those that cannot be told apart."""
    found = differences(board, standing)
    if found is None:
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from vaebench.judging.plots import BLUE, STYLE

    count, bars = len(found.ranks), found.alike()
    half, below = (count + 1) // 2, 0.35 * (len(bars) + 1)
    told: dict[str, Any] = {"fontsize": 8, "parse_math": False, "va": "center"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.0 + 0.22 * (half + len(bars))))
        axes = figure.add_subplot()
        axes.set(xlim=(1, count), ylim=(-below - half - 0.5, 1.8))
        axes.xaxis.set_ticks_position("top")
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_yticks([])
        axes.spines["top"].set(visible=True, position=("data", 0))
        axes.plot([1, 1 + found.critical], [1.6, 1.6], color="black", linewidth=1.5, clip_on=False)
        axes.text(1 + found.critical, 1.6, f"  critical difference {found.critical:.2f}", **told)
        for number, (first, last) in enumerate(bars):
            height = -0.35 * (number + 1)
            axes.plot([found.ranks[first], found.ranks[last]], [height, height], color=BLUE, linewidth=3, clip_on=False)
        for place, (entrant, rank) in enumerate(zip(found.entrants, found.ranks, strict=True)):
            left = place < half
            height = -below - 0.5 - (place if left else count - 1 - place)
            edge = 1 - 0.02 * count if left else count + 0.02 * count
            axes.plot([rank, rank, edge], [0, height, height], color="black", linewidth=0.7, clip_on=False)
            text = f"{clean(board.label(entrant))}  {rank:.1f}"
            axes.text(edge, height, f"{text} " if left else f" {text}", ha="right" if left else "left", **told)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue().decode()
