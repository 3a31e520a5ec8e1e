"""The last lines that a command prints after making a board: a short summary and the paths of the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vaebench.leaderboard.board import Board
from vaebench.report.outcomes import outcomes
from vaebench.report.tables import name


def best(board: Board) -> str:
    """Return a line with the best model of each verdict, and how many models could rank first if several could."""
    found = []
    for one in outcomes(board):
        told = f"{name(board, one.best)}{'' if one.ranked else ' (no ranks)'}"
        if one.rivals:
            able = {one.best}.union(*one.rivals.values())
            what = "mean rank" if len(one.columns) > 1 else "mean"
            told = f"no winner ({len(able)} could rank first; best {what}: {told})"
        found.append(f"{one.verdict} {told}")
    return "Best: " + ("; ".join(found) or "no model has all its numbers yet")


def above_floors(board: Board) -> str:
    """Return a line with the models of each verdict that beat every floor."""
    told = {one.verdict: ", ".join(name(board, e) for e in one.above) for one in outcomes(board) if one.beaten}
    found = [f"{verdict} {who}" for verdict, who in told.items() if who]
    none = [verdict for verdict, who in told.items() if not who]
    if not told:
        return "Beats every floor: not tested (no ranks or no floors)"
    return "Beats every floor: " + "; ".join([*found, *([f"{', '.join(none)} none"] if none else [])])


def wrote(paths: Sequence[Path]) -> str:
    """Return a line with the files of a board and their folder."""
    if len(paths) < 2:
        return f"Wrote {paths[0] if paths else 'nothing'}"
    folder = min((path.parent for path in paths), key=lambda one: len(one.parts))
    top = [path for path in paths if path.parent == folder and path.suffix]
    kinds = ", ".join(dict.fromkeys(path.suffix for path in top))
    below = dict.fromkeys(f"{path.relative_to(folder).parts[0]}/" for path in paths if path not in top)
    return f"Wrote {len(paths)} files to {folder}: {', '.join([f'leaderboard ({kinds})', *below])}"


def address(paths: Sequence[Path]) -> str:
    """Return a line with the `file://` URL of the HTML page among the files."""
    pages = [path for path in paths if path.suffix == ".html"]
    return f"Page: {pages[0].absolute().as_uri()}" if pages else "Page: not written"
