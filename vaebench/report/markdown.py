"""A board as Markdown that renders as tables on GitHub and GitLab."""

from __future__ import annotations

from vaebench.report.documents import Sheet
from vaebench.report.findings import findings
from vaebench.report.notes import notes
from vaebench.report.numbers import Strong
from vaebench.report.parts import of_columns

AS_TEXT = str.maketrans({c: f"\\{c}" for c in "\\`*_[~|"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})

MOST = 12
"""Largest number of columns in a table; GitHub shows about this many and cuts off wider tables."""


def markdown(sheet: Sheet) -> str:
    from tabulate import tabulate

    parts = [f"# {escape(sheet.title)}"]
    if said := findings(sheet.board):
        parts.append("\n".join(f"- {escape(line)}" for line in said))
    for table in (part for whole in sheet.tables for part in of_columns(whole, MOST)):
        drawn = [[bold(text) for text in row] for row in table.drawn()]
        align = ["left", *["right"] * (len(table.header) - 1)]
        header = [escape(text) for text in table.header]
        text = tabulate(drawn, header, tablefmt="pipe", disable_numparse=True, colalign=align if drawn else None)
        parts += [f"## {escape(table.title)}", text]
    if sheet.links:
        links = ", ".join(f"[{escape(title)}]({name}.md)" for title, name in sheet.links)
        parts += ["## Every metric", f"By verdict and by dataset: {links}."]
    for section in notes(sheet.board):
        parts += [f"## {escape(section.title)}", "\n".join(f"- {escape(line)}" for line in section.lines)]
    return "\n\n".join(parts) + "\n"


def bold(text: str) -> str:
    return f"**{escape(text)}**" if isinstance(text, Strong) else escape(text)


def escape(text: str) -> str:
    """Escape a text so that it cannot add markup, HTML or table cells."""
    return text.translate(AS_TEXT)
