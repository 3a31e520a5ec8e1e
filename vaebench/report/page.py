"""A board as one self-contained HTML page."""

from __future__ import annotations

from html import escape

from vaebench.leaderboard import Board
from vaebench.report.notes import notes
from vaebench.report.tables import tables

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def page(board: Board) -> str:
    from tabulate import tabulate

    parts = [f"<h1>{escape(board.title)}</h1>"]
    for table in tables(board):
        body = tabulate(table.drawn(), table.header, tablefmt="html", disable_numparse=True)
        parts.append(f'<h2>{escape(table.title)}</h2>\n<div class="wide">\n{body}\n</div>')
    for section in notes(board):
        items = "\n".join(f"<li>{escape(line)}</li>" for line in section.lines)
        parts.append(f"<h2>{escape(section.title)}</h2>\n<ul>\n{items}\n</ul>")
    return PAGE.format(title=escape(board.title), style=STYLE, body="\n".join(parts))
