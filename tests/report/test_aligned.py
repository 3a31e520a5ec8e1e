"""Long tables, which tabulate does not draw, are those that it would draw, character by character."""

from __future__ import annotations

import random

import pytest
from tabulate import DataRow, Line, TableFormat, tabulate

from vaebench.report import latex, markdown

ABOVE, BELOW, UNDER = (Line(rule, "", "", "") for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
ROW = DataRow("", " & ", r" \\")
TEXTS = ("", "0.812 ±0.021≈° (2–5)", "vae[net={wide}]", r"\textbf{–}", "**1**", "a" * 40, "12", "1e5", "true", "Ü漢")


@pytest.mark.parametrize("height", [1, 2, 30])
@pytest.mark.parametrize("wide", [1, 2, 7])
def test_the_lines_are_those_of_tabulate(height: int, wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (latex, markdown):
        monkeypatch.setattr(module, "MANY", 0)
    texts = random.Random(10 * height + wide)
    header, *rows = [[texts.choice(TEXTS) for _ in range(wide)] for _ in range(height + 1)]
    align = ["left", *["right"] * (wide - 1)]
    drawn = TableFormat(ABOVE, BELOW, None, UNDER, ROW, ROW, 0, None)
    assert latex.booktabs(header, rows) == tabulate(rows, header, tablefmt=drawn, disable_numparse=True, colalign=align)
    assert markdown.pipes(header, rows) == tabulate(
        rows, header, tablefmt="pipe", disable_numparse=True, colalign=align
    )
