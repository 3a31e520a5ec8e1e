"""A board in the terminal: readable at 80 columns, and plain text if piped."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaebench.leaderboard.board import Board
from vaebench.report.findings import findings
from vaebench.report.notes import notes
from vaebench.report.numbers import Strong
from vaebench.report.parts import fitting
from vaebench.report.tables import Table, by_dataset, summary, title

if TYPE_CHECKING:
    from rich.console import Console

NAME_WIDTH = 30
HEADER_WIDTH = 14
"""A longer header is wrapped instead of making its column wider."""
NOTES_SHOWN = 12


def show(board: Board, console: Console | None = None, everything: bool = False) -> None:
    """Print the overall table and the verdicts.

    All metrics are also printed if `everything` is set or the board has a single dataset."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = console or Console(highlight=False)
    console.print(Text(title(board), "bold"))
    for line in findings(board):
        console.print(Text(line))
    for table in summary(board) + (by_dataset(board) if everything or len(board.datasets) == 1 else []):
        print_table(table, console)
    for section in notes(board):
        console.print()
        console.print(Text(section.title, "bold"))
        shown = section.lines if everything else section.lines[:NOTES_SHOWN]
        for line in shown:
            console.print(Padding(Text(line, "dim"), (0, 0, 0, 2), expand=False))
        if len(section.lines) > len(shown):
            console.print(Text(f"  and {len(section.lines) - len(shown)} more: use --all, or see the files", "dim"))


def plain(board: Board, width: int = 80) -> str:
    """Return what `show` prints as plain text."""
    from rich.console import Console

    text = io.StringIO()
    show(board, Console(file=text, width=width, color_system=None, force_terminal=False, highlight=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def print_table(table: Table, console: Console) -> None:
    """Print a table; columns that do not fit follow in further tables that repeat the names."""
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    console.print()
    console.print(Text(table.title, "bold"))
    rows = table.drawn()
    columns = list(zip(table.header, *rows, strict=True))
    widths = [_width(columns[0], NAME_WIDTH), *(_width(column, console.width - NAME_WIDTH) for column in columns[1:])]
    for group in fitting(widths, console.width):
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
        for number in group:
            heading = Text(table.header[number])
            grid.add_column(heading, justify="right" if number else "left", overflow="fold", width=widths[number])
        for row in rows:
            grid.add_row(*(Text(row[number], "bold" if isinstance(row[number], Strong) else "") for number in group))
        console.print(grid)


def _width(column: Sequence[str], most: int) -> int:
    from rich.cells import cell_len

    header, *texts = map(cell_len, column)
    word = max(map(cell_len, column[0].split()), default=0)
    return min(max([min(header, HEADER_WIDTH, word), *texts]), most)
