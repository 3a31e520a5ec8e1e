"""A board as Markdown that renders as tables on GitHub and GitLab."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vaebench.report.aligned import MANY, template, widths
from vaebench.report.documents import Sheet
from vaebench.report.numbers import Strong
from vaebench.report.parts import of_columns

AS_TEXT = str.maketrans({c: f"\\{c}" for c in "\\`*_[~|"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})
MARKUP = re.compile(f"[{re.escape(''.join(map(chr, AS_TEXT)))}]")

MOST = 12
"""Largest number of columns in a table; GitHub shows about this many and cuts off wider tables."""


def markdown(sheet: Sheet) -> str:
    parts = [f"# {escape(sheet.title)}"]
    if sheet.findings:
        parts.append("\n".join(f"- {escape(line)}" for line in sheet.findings))
    for table in (part for whole in sheet.tables for part in of_columns(whole, MOST)):
        drawn = [[bold(text) for text in row] for row in table.drawn()]
        parts += [f"## {escape(table.title)}", pipes([escape(text) for text in table.header], drawn)]
    if sheet.links:
        links = ", ".join(f"[{escape(title)}]({name}.md)" for title, name in sheet.links)
        parts += ["## Every metric", f"By verdict and by dataset: {links}."]
    for section in sheet.notes:
        parts += [f"## {escape(section.title)}", "\n".join(f"- {escape(line)}" for line in section.lines)]
    return "\n\n".join(parts) + "\n"


def pipes(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if len(rows) <= MANY:
        from tabulate import tabulate

        align = ["left", *["right"] * (len(header) - 1)] if rows else None
        return tabulate(rows, header, tablefmt="pipe", disable_numparse=True, colalign=align)
    own = widths(header, rows)
    line = f"| {template(own, ' | ')} |".format
    rule = "|".join("-" * (width + 1) + ":" if number else ":" + "-" * (width + 1) for number, width in enumerate(own))
    return "\n".join([line(*header), f"|{rule}|", *(line(*row) for row in rows)])


def bold(text: str) -> str:
    return f"**{escape(text)}**" if isinstance(text, Strong) else escape(text)


def escape(text: str) -> str:
    """Escape a text so that it cannot add markup, HTML or table cells."""
    return text.translate(AS_TEXT) if MARKUP.search(text) else text  # most cells have no markup, and a search is faster
