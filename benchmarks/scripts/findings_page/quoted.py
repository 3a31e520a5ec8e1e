"""Quotes of numbers for docs/findings.md: each number is stored with its source, so that a test can look it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.ranks import Column, Standing, is_ranked
from vaebench.leaderboard.runs import Entrant
from vaebench.report.numbers import decimals_in, plain
from vaebench.report.order import main_column


class Quoted(NamedTuple):
    """A text on the page that contains numbers, and their source."""

    text: str
    source: str
    """A track, or a file in the repository."""
    dataset: str = ""
    kind: str = ""
    metric: str = ""
    who: str = ""


@dataclass
class Part:
    """One dataset of one board."""

    board: Board
    dataset: str
    quoted: list[Quoted] = field(default_factory=list)

    def quote(self, text: object, kind: str, metric: str = "", who: str = "") -> str:
        self.quoted.append(Quoted(str(text), self.board.rules.track, self.dataset, kind, metric, who))
        return str(text)

    def number(self, column: Column, entrant: Entrant) -> str:
        """Return the value of a cell as text, such as `0.910 ±0.009`."""
        found, who, metric = self.board.cell(entrant, column).estimate, title(entrant), column.measure.name
        if found is None:
            return "–"
        digits = decimals_in(self.board, column)
        told = self.quote(plain(found.mean, digits), "mean", metric, who)
        if found.low is None or found.high is None or found.high <= found.low:
            return told
        return f"{told} ±{self.quote(plain((found.high - found.low) / 2, digits), 'half', metric, who)}"

    def column(self, metric: str) -> Column | None:
        """Return the column of a metric on this dataset, in the variant that most models have."""
        known = {one.measure.name: one.measure for one in self.board.columns}
        return main_column(self.board, self.dataset, known[metric]) if metric in known else None

    def ranked(self, column: Column) -> list[tuple[Entrant, Cell]]:
        """Return the suite's models that have a rank, best mean first."""
        rows = self.board.by_column.get(column, {})
        return [(e, rows[e]) for e in self.by_mean(column, "reference") if rows[e].place]

    def floors(self, column: Column) -> list[Entrant]:
        """Return the floors, best mean first."""
        return self.by_mean(column, "floor")

    def by_mean(self, column: Column, role: str) -> list[Entrant]:
        """Return the entrants with this role that have a value, best first."""
        sign = -1 if column.measure.better == "higher" else 1
        means = {e: c.estimate.mean for e, c in self.board.by_column.get(column, {}).items() if c.estimate}
        return sorted((e for e in means if self.board.role(e) == role), key=lambda e: (sign * means[e], e))

    @property
    def leads(self) -> Iterator[tuple[Standing, Column]]:
        """Yield the verdicts that are ranked on this dataset, with the column that ranks them."""
        for standing in self.board.standings:
            if is_ranked(standing.measure):
                yield from ((standing, column) for column in standing.main if column.dataset == self.dataset)


def title(entrant: Entrant) -> str:
    return entrant.floor or entrant.model


def named(entrant: Entrant) -> str:
    """Return the name of a model as code, or the title of a floor that is not a model."""
    return entrant.floor or f"`{entrant.model}`"


def listed(words: list[str], joint: str = "and") -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    return f" {joint} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"
