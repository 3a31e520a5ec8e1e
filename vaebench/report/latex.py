"""A board as LaTeX tables for a paper (package booktabs)."""

from __future__ import annotations

from unicodedata import normalize

from vaebench.report.documents import Sheet
from vaebench.report.findings import findings
from vaebench.report.notes import notes
from vaebench.report.numbers import Strong

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
LETTERS = "ßæøåÆØÅłŁœŒ"
ACCENTS = {0x300, 0x301, 0x302, 0x303, 0x304, 0x306, 0x308, 0x30A, 0x30B, 0x30C}


class _Text(dict[int, str | int]):
    """A letter that LaTeX's own fonts lack would stop it, so its number stands there."""

    def __missing__(self, code: int) -> str | int:
        letter, *accents = map(ord, normalize("NFD", chr(code)))
        known = code < 0x80 or chr(code) in LETTERS or (letter < 0x80 and ACCENTS.issuperset(accents))
        self[code] = code if known else f"{{[}}U+{code:04X}{{]}}"
        return self[code]


AS_TEXT = _Text({ord(letter): text for letter, text in (SYMBOLS | SPECIAL).items()})


def latex(sheet: Sheet) -> str:
    from tabulate import DataRow, Line, TableFormat, tabulate

    above, below, under = (Line(rule, "", "", "") for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    row = DataRow("", " & ", r" \\")  # as they are: cells are escaped already
    booktabs = TableFormat(above, below, None, under, row, row, 0, None)
    parts = [r"% \usepackage{booktabs}", *map(escape, findings(sheet.board))]
    for table in sheet.tables:
        drawn = [[bold(text) for text in row] for row in table.drawn()]
        header = [escape(text) for text in table.header]
        align = ["left", *["right"] * (len(table.header) - 1)] if drawn else None
        body = tabulate(drawn, header, tablefmt=booktabs, disable_numparse=True, colalign=align)
        columns = f"l{'r' * (len(header) - 1)}"
        caption = escape(f"{sheet.title}. {table.title}.")
        tabular = f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}"
        parts.append(f"\\begin{{table}}\n\\caption{{{caption}}}\n{tabular}\n\\end{{table}}")
    for section in notes(sheet.board):
        items = "\n".join(f"\\item {escape(line)}" for line in section.lines)
        parts.append(f"\\paragraph{{{escape(section.title)}}}\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}")
    return "\n\n".join(parts) + "\n"


def bold(text: str) -> str:
    return rf"\textbf{{{escape(text)}}}" if isinstance(text, Strong) else escape(text)


def escape(text: str) -> str:
    return text.translate(AS_TEXT)
