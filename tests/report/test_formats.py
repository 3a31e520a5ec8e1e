"""The files as those who read them do: a Markdown renderer, LaTeX, pandas."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from records_made import MARKUP, everything, field, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.report import export, files, tables
from vaebench.report.documents import sheets
from vaebench.report.numbers import Strong

COMPILER = next(filter(shutil.which, ("pdflatex", "tectonic", "xelatex", "lualatex")), "")
LETTERS = "".join(map(chr, range(0xA1, 0x180))).replace("\xad", "") + "漢字 – ° ± ↑ ↓ † ‡ … ∞ 😀"


@pytest.fixture(scope="module")
def found() -> Board:
    evil = metric("odd", 0.5, title=MARKUP, variant=MARKUP, unit=MARKUP)
    strange = [
        record(MARKUP, {"odd": evil}, dataset=MARKUP),
        record("x", error=("nan", MARKUP)),
        record(LETTERS, {"svc": 0.5}),
    ]
    return made([*everything(), *strange])


def test_markdown_is_rendered_as_the_tables_it_was_made_of(found: Board) -> None:
    render = MarkdownIt("commonmark").enable("table")
    for sheet in sheets(found):
        tokens = render.parse(files.SHEETS["md"](sheet))
        assert [token.type for token in tokens].count("table_open") == len(sheet.tables) > 0
        cells: list[list[str]] = []
        bold: list[str] = []
        for before, token in pairwise(tokens):
            if before.type == "tr_open":
                cells.append([])
            if before.type in ("td_open", "th_open"):
                kinds = {child.type for child in token.children}
                assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, "text stays text"
                cells[-1].append("".join(child.content for child in token.children))
                bold += cells[-1][-1:] if "strong_open" in kinds else []
        assert cells == [list(row) for table in sheet.tables for row in (table.header, *table.drawn())]
        drawn = [text for table in sheet.tables for row in table.drawn() for text in row]
        assert bold == [text for text in drawn if isinstance(text, Strong)]


@pytest.mark.skipif(not COMPILER, reason="no LaTeX compiler is installed")
def test_latex_compiles(found: Board, tmp_path: Path) -> None:
    for name, text in files.texts(found):
        if name.endswith(".tex"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
    inputs = "\n".join(
        f"\\input{{{path.relative_to(tmp_path)}}}\\clearpage" for path in sorted(tmp_path.rglob("*.tex"))
    )
    page = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(page)
    options = [] if COMPILER == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [COMPILER, *options, "paper.tex"], cwd=tmp_path, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


def test_csv_opens_in_pandas_with_the_right_types() -> None:
    records = [*everything(), *field({"vae": 0.9}, dataset="NA", seeds=2)]
    frame = pd.read_csv(io.StringIO(export.csv(made(records))), keep_default_na=False, na_values=[""])
    numbers = [name for name, kind in export.KINDS.items() if kind in ("float64", "Int64")]
    assert all(pd.api.types.is_numeric_dtype(frame[name]) for name in numbers)
    truths = [name for name, kind in export.KINDS.items() if kind == "boolean"]
    assert all(set(frame[name].dropna()) <= {True, False} for name in truths)
    assert all(
        frame[name].dropna().map(type).eq(str).all()
        for name, kind in export.KINDS.items()
        if kind == "str"
        if name != "version"
    )
    typed = frame.astype({name: kind for name, kind in export.KINDS.items() if kind not in ("str",)})
    assert {name: str(kind) for name, kind in typed.dtypes.items() if name in numbers + truths} == {
        name: export.KINDS[name] for name in numbers + truths
    }
    assert "NA" in set(frame.dataset)


def test_every_number_on_a_sheet_is_in_the_csv(found: Board) -> None:
    rows = json.loads(export.to_json(found))["rows"]
    shown = {(row["model"], row["dataset"], row["metric"]): row["value"] for row in rows}
    for standing in found.standings:
        for column in standing.columns:
            for entrant in standing.order:
                one = found.cell(entrant, column).estimate
                assert (shown.get((entrant.model, column.dataset, column.measure.name)) is None) == (one is None)
                if one:
                    assert shown[entrant.model, column.dataset, column.measure.name] == pytest.approx(one.mean)
    assert tables.summary(found)
