"""A board as LaTeX tables for a paper (package booktabs), with captions and labels; no table is larger than a page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from unicodedata import normalize

from vaebench.report.aligned import MANY, template, widths
from vaebench.report.documents import Sheet
from vaebench.report.numbers import Strong
from vaebench.report.parts import by_groups, fitting, of_rows
from vaebench.report.tables import Table

SYMBOLS = {
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "°": r"$^{\circ}$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "–": "--",
    "≈": r"$\approx$",
    "§": r"\S{}",
    "…": r"\ldots{}",
}
SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "[": "{[}",
    "]": "{]}",
}
WIDEST, LONGEST, HEADER = 84, 40, 20
"""Largest width (in characters) and number of rows of a table that fits on a page (class article, footnote size), and
largest width of a line in a header."""
NAME, NARROW = 28, r"p{0.3\linewidth}"
"""Maximum length of a name in characters, and the type of the column in which longer names are wrapped."""
CELL, WIDE = 50, r"p{0.6\linewidth}"
"""The same for the cells of the other columns."""
SIZE = r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"
WORD = 30
"""Words of up to this many characters are never broken; longer words are addresses, which may be broken."""
LETTERS = "ßæøåÆØÅłŁœŒ"
ACCENTS = {0x300, 0x301, 0x302, 0x303, 0x304, 0x306, 0x308, 0x30A, 0x30B, 0x30C}


class _Text(dict[int, str | int]):
    """Replaces letters that LaTeX's own fonts lack, at which LaTeX would stop, with their code points."""

    def __missing__(self, code: int) -> str | int:
        letter, *accents = map(ord, normalize("NFD", chr(code)))
        known = code < 0x80 or chr(code) in LETTERS or (letter < 0x80 and ACCENTS.issuperset(accents))
        self[code] = code if known else f"{{[}}U+{code:04X}{{]}}"
        return self[code]


AS_TEXT = _Text({ord(letter): text for letter, text in (SYMBOLS | SPECIAL).items()})


def latex(sheet: Sheet) -> str:
    parts = [r"% \usepackage{booktabs}", *map(prose, sheet.findings)]
    for number, table in enumerate(one for whole in sheet.tables for one in fitted(whole)):
        rows = table.drawn()
        body = booktabs([stacked(text) for text in table.header], [[bold(text) for text in row] for row in rows])
        first, *others = (max((len(row[i]) for row in rows), default=0) for i in range(len(table.header)))
        columns = ("l" if first <= NAME else NARROW) + "".join("r" if one <= CELL else WIDE for one in others)
        caption = escape(f"{sheet.title}. {table.title}.")
        tabular = f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}"
        top = f"{SIZE}\n\\caption{{{caption}}}\n\\label{{tab:{label_of(sheet, number)}}}"
        parts.append(f"\\begin{{table}}\n{top}\n{tabular}\n\\end{{table}}")
    for section in sheet.notes:
        items = "\n".join(f"\\item {prose(line)}" for line in section.lines)
        parts.append(f"\\paragraph{{{escape(section.title)}}}\n\\begin{{itemize}}\\sloppy\n{items}\n\\end{{itemize}}")
    return "\n\n".join(parts) + "\n"


def booktabs(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if len(rows) <= MANY:
        from tabulate import DataRow, Line, TableFormat, tabulate

        above, below, under = (Line(rule, "", "", "") for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
        row = DataRow("", " & ", r" \\")  # cells are already escaped
        form = TableFormat(above, below, None, under, row, row, 0, None)
        align = ["left", *["right"] * (len(header) - 1)] if rows else None
        return tabulate(rows, header, tablefmt=form, disable_numparse=True, colalign=align)
    line = (template(widths(header, rows), " & ") + r" \\").format
    return "\n".join([r"\toprule", line(*header), r"\midrule", *(line(*row) for row in rows), r"\bottomrule"])


def fitted(table: Table) -> Iterator[Table]:
    """Yield parts of a table that fit on a page."""
    columns = list(zip(table.header, *table.drawn(), strict=True))
    widths = [max(map(len, (*lines(header), *cells))) for header, *cells in columns]
    widths[0] = min(widths[0], NAME)
    for part in by_groups(table, list(fitting(widths, WIDEST))):
        yield from of_rows(part, LONGEST)


def lines(text: str) -> list[str]:
    """Wrap a header into lines about as long as a number with its interval."""
    return textwrap.wrap(text, HEADER) or [""]


def stacked(text: str) -> str:
    told = [escape(line) for line in lines(text)]
    return told[0] if len(told) == 1 else "\\shortstack[r]{" + " \\\\ ".join(told) + "}"


def label_of(sheet: Sheet, number: int) -> str:
    """Return a label such as `anomaly-2`, of letters, digits and hyphens only, whatever the name of the dataset."""
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{sheet.name.rpartition('/')[2]}-{number + 1}")


def bold(text: str) -> str:
    return rf"\textbf{{{escape(text)}}}" if isinstance(text, Strong) else escape(text)


def prose(text: str) -> str:
    """Escape a sentence: `code` is set in typewriter type, and addresses may be broken after a slash or a hyphen."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a single backtick
        return escape(text)
    told = (re.sub(r"\S+", _breakable, part) for part in parts)
    return "".join(f"\\texttt{{{one}}}" if number % 2 else one for number, one in enumerate(told))


def _breakable(word: re.Match[str]) -> str:
    pieces = re.split(r"(?<=[/_-])", word.group()) if len(word.group()) > WORD else [word.group()]
    return r"\allowbreak{}".join(map(escape, pieces))


def escape(text: str) -> str:
    return text.translate(AS_TEXT)
