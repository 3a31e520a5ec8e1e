"""The last lines of a command that made a board: what it says in a few words, and where its files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vaebench.leaderboard.board import Board
from vaebench.report.tables import name
from vaebench.report.verdicts import outcomes


def best(board: Board) -> str:
    """The best model of each verdict, and how many cannot be told from it."""
    found = []
    for one in outcomes(board):
        tied = f" (ties with {len(one.equal)})" if one.equal else "" if one.ranked else " (no ranks)"
        found.append(f"{one.verdict} {name(board, one.best)}{tied}")
    return "Best: " + ("; ".join(found) or "no model has every number yet")


def above_floors(board: Board) -> str:
    """The models of each verdict that beat every floor."""
    told = {one.verdict: ", ".join(name(board, e) for e in one.above) for one in outcomes(board) if one.beaten}
    found = [f"{verdict} {who}" for verdict, who in told.items() if who]
    none = [verdict for verdict, who in told.items() if not who]
    if not told:
        return "Beats every floor: not tested, there are no ranks or no floors"
    return "Beats every floor: " + "; ".join([*found, *([f"{', '.join(none)} nobody"] if none else [])])


def wrote(paths: Sequence[Path]) -> str:
    """The files of a board in one line, and the folder they lie in."""
    if len(paths) < 2:
        return f"Wrote {paths[0] if paths else 'nothing'}"
    folder = min((path.parent for path in paths), key=lambda one: len(one.parts))
    top = [path for path in paths if path.parent == folder and path.suffix]
    kinds = ", ".join(dict.fromkeys(path.suffix for path in top))
    below = dict.fromkeys(f"{path.relative_to(folder).parts[0]}/" for path in paths if path not in top)
    return f"Wrote {len(paths)} files to {folder}: {', '.join([f'leaderboard ({kinds})', *below])}"


def address(paths: Sequence[Path]) -> str:
    """The page among the files, as something that terminals and browsers open."""
    pages = [path for path in paths if path.suffix == ".html"]
    return f"Page: {pages[0].absolute().as_uri()}" if pages else "Page: not written"
