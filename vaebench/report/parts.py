"""Splits a table into parts that fit; each part repeats the names of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vaebench.report.tables import Table


def fitting(widths: Sequence[int], room: int, gap: int = 2) -> Iterator[list[int]]:
    """Yield groups of column numbers that fit side by side; each group includes the first column."""
    group, used = [0], widths[0]
    for number, width in enumerate(widths[1:], 1):
        if used + gap + width > room and len(group) > 1:
            yield group
            group, used = [0], widths[0]
        group.append(number)
        used += gap + width
    yield group


def of_columns(table: Table, most: int) -> Iterator[Table]:
    """Yield parts of a table with at most `most` columns each."""
    return by_groups(table, list(fitting([1] * len(table.header), most, gap=0)))


def by_groups(table: Table, groups: Sequence[Sequence[int]]) -> Iterator[Table]:
    """Yield a part of a table for each group of columns; parts are numbered if there are several."""
    for number, group in enumerate(groups, 1):
        yield replace(
            table,
            title=f"{table.title} ({number} of {len(groups)})" if len(groups) > 1 else table.title,
            header=tuple(table.header[one] for one in group),
            rows=tuple(tuple(row[one] for one in group) for row in table.rows),
            foot=tuple(told for row in table.foot if any((told := tuple(row[one] for one in group))[1:])),
        )


def of_rows(table: Table, most: int) -> Iterator[Table]:
    """Yield parts of a table with at most `most` rows each; the last part has the foot."""
    starts = range(0, max(1, len(table.rows)), most)
    for number, start in enumerate(starts, 1):
        rows = table.rows[start : start + most]
        yield replace(
            table,
            title=f"{table.title} (continued)" if number > 1 else table.title,
            rows=rows,
            above=min(max(table.above - start, 0), len(rows)),
            foot=table.foot if number == len(starts) else (),
        )
