"""A board as Markdown that renders as tables on GitHub and GitLab."""

from __future__ import annotations

import re

from vaebench.leaderboard import Board
from vaebench.report.notes import notes
from vaebench.report.tables import tables


def markdown(board: Board) -> str:
    from tabulate import tabulate

    parts = [f"# {escape(board.title)}"]
    for table in tables(board):
        drawn = [[escape(text) for text in row] for row in table.drawn()]
        align = ["left", *["right"] * (len(table.header) - 1)]
        header = [escape(text) for text in table.header]
        text = tabulate(drawn, header, tablefmt="pipe", disable_numparse=True, colalign=align if drawn else None)
        parts += [f"## {escape(table.title)}", text]
    for section in notes(board):
        parts += [f"## {escape(section.title)}", "\n".join(f"- {escape(line)}" for line in section.lines)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that stays text: no markup, no HTML, no further cells."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[~|])", r"\\\1", text)
