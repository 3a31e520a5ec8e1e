"""The files as those who read them do: a Markdown renderer, LaTeX, pandas."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from records_made import MARKUP, everything, field, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.report import export, files, latex, tables
from vaebench.report.documents import sheets
from vaebench.report.markdown import MOST
from vaebench.report.numbers import Strong
from vaebench.report.parts import of_columns

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
        parts = [part for table in sheet.tables for part in of_columns(table, MOST)]
        assert [token.type for token in tokens].count("table_open") == len(parts) > 0
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
        assert cells == [list(row) for table in parts for row in (table.header, *table.drawn())]
        drawn = [text for table in parts for row in table.drawn() for text in row]
        assert bold == [text for text in drawn if isinstance(text, Strong)]


def test_no_markdown_table_is_wider_than_github_shows_and_no_column_is_lost() -> None:
    wide = [record("vae", {f"m{i:02}": metric(f"m{i:02}", 0.5, title=f"M{i:02}") for i in range(30)})]
    (table,) = (one for one in tables.by_dataset(made(wide)) if one.title.startswith("Other"))
    parts = list(of_columns(table, MOST))
    assert len(table.header) == 31 and [len(one.header) for one in parts] == [12, 12, 9]
    assert [one.title for one in parts] == [f"{table.title} ({i} of 3)" for i in (1, 2, 3)]
    assert [h for one in parts for h in one.header[1:]] == list(table.header[1:])
    assert all(one.rows[0][0] == table.rows[0][0] for one in parts)
    lines = files.render(made(wide), "md").splitlines()
    assert max(line.count("|") for line in lines) <= MOST + 1


def test_latex_tables_have_labels_of_their_own_and_fit_a_page() -> None:
    models = {f"model-{i:03}": 0.9 - i / 1000 for i in range(90)}
    found = made([*field(models, seeds=3), *field(models, seeds=3, dataset="a dataset_with & a long name")])
    text = files.render(found, "tex")
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(set(labels)) == len(labels) == text.count("\\begin{table}") > 3
    assert all(re.fullmatch(r"tab:[A-Za-z0-9-]+", label) for label in labels)
    bodies = re.findall(r"\\midrule\n(.*?)\n\\bottomrule", text, re.DOTALL)
    assert max(body.count("\n") for body in bodies) <= 40 + 4
    assert all(f"model-{i:03}" in text for i in range(90)) and "(continued)" in text
    assert max(len(row.replace("$\\pm$", "±")) for body in bodies for row in body.splitlines()) < 200
    assert r"\textbf{0.9" in text


def test_latex_wraps_what_is_too_wide_for_a_line(found: Board) -> None:
    long = "5 of 14; not pca, best shortcut, mean-image, three-numbers, thumbnail, untrained"
    rows = (("vae", "0.5 ±0.1", long), ("ae", "0.4 ±0.1", "14 of 14"))
    table = tables.Table("Anomaly", ("Model", "AUROC", "Beats floors"), rows, 2)
    text = latex.latex(replace(next(iter(sheets(found))), tables=(table,)))
    assert re.findall(r"\\begin\{tabular\}\{(.*)\}", text) == ["lr", r"lp{0.6\linewidth}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("run `vaebench data fetch fid` first", r"run \texttt{vaebench data fetch fid} first"),
        ("a single ` stays", "a single ` stays"),
        ("`a_b` & c", r"\texttt{a\_b} \& c"),
        ("get https://some.org/a_long/path-of-a-file", r"get https:/\allowbreak{}/\allowbreak{}some.org/\allowbreak{}"
         r"a\_\allowbreak{}long/\allowbreak{}path-\allowbreak{}of-\allowbreak{}a-\allowbreak{}file"),
        ("a held-out split", "a held-out split"),
    ],
)  # fmt: skip
def test_latex_sets_code_and_breaks_addresses(text: str, told: str) -> None:
    assert latex.prose(text) == told


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
