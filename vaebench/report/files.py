"""Renders a board in any text format, and yields the board files of a track; the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from vaebench.errors import UserError, did_you_mean
from vaebench.leaderboard.board import Board
from vaebench.report.documents import Sheet, everything, sheets
from vaebench.report.export import csv, rows, to_json
from vaebench.report.fields import Row
from vaebench.report.forests import forest
from vaebench.report.latex import latex
from vaebench.report.markdown import markdown
from vaebench.report.page import page
from vaebench.report.rates import pictures, svg
from vaebench.report.terminal import plain

SHEETS: dict[str, Callable[[Sheet], str]] = {"md": markdown, "tex": latex}
"""Formats for human readers, with a file for the whole board and one for each verdict and each dataset."""
WHOLE: dict[str, Callable[[Board, Sequence[Row]], str]] = {"csv": csv, "json": to_json}
"""Formats for programs, which can select rows themselves; each has a single file."""
FORMATS = ("table", "md", "csv", "json", "tex", "html")


def render(board: Board, form: str) -> str:
    """Return the whole board as text in one of FORMATS."""
    if form not in FORMATS:
        raise UserError(f"There is no format {form!r}.{did_you_mean(form, FORMATS)}")
    if form in SHEETS:
        return SHEETS[form](everything(board))
    if form in WHOLE:
        return WHOLE[form](board, rows(board))
    return page(board) if form == "html" else plain(board)


def texts(board: Board) -> Iterator[tuple[str, str]]:
    """Yield the path in the track's folder and the content of every file that depends on the records alone."""
    made = rows(board)
    for form, write in WHOLE.items():
        yield f"leaderboard.{form}", write(board, made)
    for sheet in sheets(board):
        for form, draw in SHEETS.items():
            yield f"{sheet.name}.{form}", draw(sheet)
        for standing in sheet.board.standings if sheet.verdict else ():
            if standing.measure.verdict == sheet.verdict and (drawn := forest(sheet.board, standing)):
                yield f"{sheet.name}.svg", drawn
        for picture in pictures(sheet.board) if sheet.dataset else ():
            yield f"{sheet.name}-{picture.quality.measure.verdict}.svg", svg(sheet.board, picture)
