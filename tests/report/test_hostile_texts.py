"""Every text of a record, in every format: nothing in it is obeyed by a terminal, a spreadsheet, LaTeX or a browser."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from page_made import data_of, lay_down, track
from records_made import EVIL, LONE, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.report import export, files
from vaebench.report.page import page, shown_runs
from vaebench.report.terminal import show

RUN = re.compile(r"(?:^|;)[\s\"`]*[=+\-@＝＋－＠]")
"""What a spreadsheet runs."""
TEXTS = (*EVIL, LONE)


@pytest.fixture(scope="module")
def found() -> Board:
    """Every nasty text as a model, a dataset, a title, a variant, a unit, a reason and an error."""
    records = []
    for number, text in enumerate(TEXTS):
        name = text if text != LONE else "lone"
        other = clean(text) if text.strip() else "blank"
        cells = {
            "svc": metric("svc", 0.5, title=text, unit=text),
            "psnr": metric("psnr", 20.0, variant=text),
            "kid": metric("kid", None, text if text.strip() else "blank"),
        }
        records += [record(name, {"psnr": 20.0}), record("vae", cells, dataset=name, shortcuts={text: 0.7})]
        records += [record(other, error=("exception", text), seed=number)]
    return made(records)


def strange(text: str) -> set[str]:
    """What nothing that people read may hold; line feeds end lines."""
    return {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}


@pytest.mark.parametrize("form", files.FORMATS)
def test_a_format_holds_visible_characters_only(found: Board, form: str) -> None:
    text = files.render(found, form)
    assert text.encode() and strange(text if form != "html" else json.dumps(data_of(text), ensure_ascii=False)) == set()


def test_a_terminal_is_sent_no_escape_code_of_a_record(found: Board) -> None:
    from rich.console import Console

    output = io.StringIO()
    show(found, Console(file=output, width=200, force_terminal=True, color_system="truecolor"), everything=True)
    sent = re.sub(r"\x1b\[(?:0|1|2)(?:;\d+)*m", "", output.getvalue())  # bold, dim and their end are ours
    assert strange(sent) == set() and "[red]" in sent


def test_csv_has_a_row_per_cell_and_every_text_comes_back(found: Board) -> None:
    text, rows = export.csv(found), export.rows(found)
    assert text.count("\n") == len(rows) + 1 and "\r" not in text
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert len(read) == len(frame) == len(rows)
    for name, kind in export.KINDS.items():
        if kind == "str":
            own = [row[name] for row in read]
            assert own == list(frame[name])
            assert not [cell for cell in own if RUN.search(cell)]
            assert [unguarded(cell) for cell in own] == [clean(getattr(row, name), None) for row in rows]
    assert pd.to_numeric(frame["value"]).notna().any(), "numbers stay numbers"


def unguarded(cell: str) -> str:
    return re.sub(r"((?:^|;)[\s\"'`]*)'(?=[=+\-@＝＋－＠])", r"\1", cell)


def test_json_keeps_the_texts(found: Board) -> None:
    text = export.to_json(found)
    assert text.isascii()
    document = json.loads(text)
    assert {*EVIL} <= {row["model"] for row in document["rows"]}
    told = {row["reason"] for row in document["rows"]} | {one["message"] for one in document["failures"]}
    assert {text for text in EVIL if text.strip()} <= told
    assert LONE.replace("\ud800", "\ufffd").replace("\udfff", "\ufffd") in told
    assert (
        "\\\\ud800 😀" in json.loads(export.to_json(made([record("\\\\ud800 😀", {"svc": 0.5})])))["rows"][0]["model"]
    )


def commands(text: str) -> Iterator[str]:
    """LaTeX's commands."""
    yield from re.findall(r"(?<!\\)(?:\\\\)*\\([A-Za-z]+)", text)


def test_latex_is_given_our_commands_only(found: Board) -> None:
    ours = {
        *(
            "usepackage",
            "begin",
            "end",
            "caption",
            "centering",
            "footnotesize",
            "setlength",
            "tabcolsep",
            "label",
            "shortstack",
            "linewidth",
            "toprule",
            "midrule",
            "bottomrule",
            "paragraph",
            "item",
            "sloppy",
            "texttt",
            "allowbreak",
        ),
        *("textbackslash", "textasciitilde", "textasciicircum", "ensuremath", "ldots"),
        *("uparrow", "downarrow", "pm", "circ", "dagger", "ddagger"),
    }
    assert set(commands(files.render(found, "tex"))) <= ours


@pytest.mark.parametrize("text", TEXTS)
def test_a_page_shows_the_pictures_of_a_hostile_file(tmp_path: Path, text: str) -> None:
    one = record("vae", {"svc": 0.5})
    board = lay_down(tmp_path, [one])
    numbers = store.artifacts_of(store.path_of(tmp_path, one.trial, "cpu")) / "pictures.json"
    told = json.loads(numbers.read_text())
    told["maps"]["labels"][0] = told["shown"][0]["label"] = told["without"][text] = text
    numbers.write_text(json.dumps(told))
    html = page(board, *shown_runs(board, track(tmp_path)))
    data = data_of(html)
    assert html.encode() and strange(json.dumps(data, ensure_ascii=False)) == set()
    assert data["runs"][0]["drawn"]["shown"][0]["label"] == clean(text, 300)


def test_a_clean_text_is_one_line_within_its_limit() -> None:
    for text in TEXTS:
        assert strange(clean(text) + clean(text, None)) == set() and "\n" not in clean(text)
        assert len(clean(text, 20)) <= 20 and clean(clean(text, None), None) == clean(text, None)
    assert clean("漢字 é ± 😀 a\u00a0b", None) == "漢字 é ± 😀 a b", "what people write stays"
