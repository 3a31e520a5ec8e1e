"""Board -> text in every format, and the leaderboard files of a track: same records, same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vaebench.errors import UserError, did_you_mean
from vaebench.leaderboard import Board
from vaebench.records import write_atomically
from vaebench.report.latex import latex
from vaebench.report.markdown import markdown
from vaebench.report.page import page
from vaebench.report.terminal import plain
from vaebench.report.tidy import csv, to_json

FORMATS: dict[str, Callable[[Board], str]] = {
    "table": plain,
    "md": markdown,
    "csv": csv,
    "json": to_json,
    "tex": latex,
    "html": page,
}
WRITTEN = ("md", "csv", "json")


def render(board: Board, form: str) -> str:
    """The board as text in one of FORMATS."""
    if form not in FORMATS:
        raise UserError(f"There is no format {form!r}.{did_you_mean(form, FORMATS)}")
    return FORMATS[form](board)


def write_boards(folder: Path, board: Board) -> list[Path]:
    """`leaderboard.md`, `.csv` and `.json`, each replaced as a whole."""
    paths = [folder / f"leaderboard.{form}" for form in WRITTEN]
    for path, form in zip(paths, WRITTEN, strict=True):
        write_atomically(path, render(board, form).encode())
    return paths
