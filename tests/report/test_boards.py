"""Boards as text: what each format shows, that it is stable to the byte, and that no record's text becomes markup."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import random
import re
import tempfile
from dataclasses import replace

import pytest
from records_made import MARKUP, everything, field, made, metric, record

from vaebench.errors import UserError
from vaebench.records.clean import clean
from vaebench.report import documents, export, files, tables
from vaebench.report.found import Found
from vaebench.report.terminal import plain, show
from vaebench.report.track import NotWritten, write_boards

SHOWN = " ".join(MARKUP.replace("\x1b", "�").split())


@pytest.mark.parametrize("form", files.FORMATS)
def test_same_records_same_bytes(form):
    records = everything()
    first = files.render(made(records), form)
    for seed in range(2):
        random.Random(seed).shuffle(records)
        assert files.render(made(records), form) == first


@pytest.mark.parametrize("form", [form for form in files.FORMATS if form != "csv"])
def test_what_is_not_a_number_is_told(form):
    text = " ".join(files.render(made(everything()), form).split()).replace("\\", "")
    for told in ("diverged at step 7", "no prior", "images other than the track's", "fewer than 5 seeds"):
        assert told in text


@pytest.mark.parametrize("form", files.FORMATS)
def test_an_empty_track_has_a_board(form):
    assert files.render(made([]), form).endswith("\n")


def test_files_are_written_whole(tmp_path):
    found = made(everything())
    written = write_boards(tmp_path / "track", found, Found("demo@1/quick/phantom"))
    names = {str(p.relative_to(tmp_path / "track")) for p in (tmp_path / "track").rglob("*.*")}
    boards = ("reconstruction", "anomaly", "generation", "cost", "chest", "knee")
    wanted = {f"boards/{name}.{form}" for name in boards for form in ("md", "tex")}
    wanted.add("boards/reconstruction.svg")  # of anomaly, only one model has a number
    assert names == wanted | {f"leaderboard.{form}" for form in ("csv", "html", "json", "md", "tex")}
    texts = {str(p.relative_to(tmp_path / "track")): p.read_text() for p in written}
    assert texts.pop("leaderboard.html") and texts == dict(files.texts(found))


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_boards_that_cannot_be_written_can_be_shown(tmp_path, monkeypatch, code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    found = made(everything())
    monkeypatch.setattr(tempfile, "mkstemp", fail)
    with pytest.raises(NotWritten, match=rf"^The boards in .*track were not written: {os.strerror(code)}\.$"):
        write_boards(tmp_path / "track", found, Found("demo@1/quick/phantom"))
    assert "MS-SSIM" in plain(found)


def test_a_sheet_holds_its_part_and_the_ranks_of_the_whole():
    text = dict(files.texts(made(everything())))
    links = re.findall(r"\[(.+?)\]\((.+?)\)", text["leaderboard.md"])
    assert {f"{name}.md" for name in ("boards/knee", "boards/generation")} < {file for _, file in links} <= set(text)
    knee, generation = text["boards/knee.md"], text["boards/generation.md"]
    assert knee.startswith("# demo@1 / quick / phantom: knee (phantom)\n") and "## Reconstruction on knee" in knee
    assert "no prior" in generation and "no prior" not in knee and "MS-SSIM" not in generation
    chest, whole = (
        set(re.findall(r"0\.\d+[^|]* \(\d(?:–\d)?\)", text[form])) for form in ("boards/chest.md", "leaderboard.md")
    )
    assert chest and chest <= whole


@pytest.mark.parametrize("form", ["table", "md", "tex"])
def test_a_phantom_is_called_so_wherever_its_name_stands(form):
    found = made(everything())
    for board in (found, *(one.board for one in documents.sheets(found))):
        text = files.render(board, form)
        assert len(re.findall(r"\b(?:chest|knee)\b", text)) == text.count("(phantom)") > 0
    real = replace(found, rules=replace(found.rules, source="real"))
    assert "phantom" not in files.render(real, form)


def test_every_metric_of_a_verdict_is_on_its_sheet():
    records = [
        record(m, {"psnr": v, "ms-ssim": v / 30}, dataset=d) for m, v in (("vae", 20.0), ("pca", 25.0)) for d in "ab"
    ]
    (sheet,) = (one for one in documents.sheets(made(records)) if one.name == "boards/reconstruction")
    assert [table.title.split(" [")[0].split(",")[0] for table in sheet.tables] == [
        "Reconstruction: MS-SSIM",
        "PSNR (dB)",
    ]
    assert [[row[0] for row in table.rows] for table in sheet.tables] == [["pca", "vae"], ["pca", "vae"]]
    assert sheet.tables[1].header == ("Model", "a (phantom)", "b (phantom)")


def test_sheets_of_names_that_no_file_can_have_do_not_meet():
    names = ["a/b", "a\\b", "../../x", "cost", "COST", "long" * 100, "long" * 100 + "er", "A_b"]
    found = [
        one.name for one in documents.sheets(made([record(metrics={"psnr": 1.0}, dataset=name) for name in names]))
    ]
    assert len({name.lower() for name in found}) == len(found) == 1 + 2 + len(names)
    assert all(re.fullmatch(r"leaderboard|boards/\w[\w.@+-]{0,90}", name) for name in found)


def test_an_unknown_format_is_told():
    with pytest.raises(UserError, match="Did you mean 'html'"):
        files.render(made([]), "htm")


@pytest.mark.parametrize("form", ["md", "csv", "tex", "table"])
def test_who_was_trained_on_a_metric_is_marked(form):
    trained = {"ms-ssim": metric("ms-ssim", 0.91, optimised=True), "svc": 0.5}
    others = [record("pca", {"ms-ssim": 0.9, "svc": 0.5})]
    text = files.render(made([record("vae", trained), *others]), form)
    mark = {"tex": "$^{\\dagger}$", "csv": ",True,ok,"}.get(form, "†")
    marked = [line for line in text.splitlines() if mark in line and "trained on this metric" not in line]
    assert marked and all("vae" in line and "pca" not in line for line in marked)
    unmarked = files.render(made(others), form)
    assert mark not in unmarked and "trained on this metric" not in unmarked


def test_fronts_are_counted_over_datasets():
    values = {"vae": 0.9, "pca": 0.7, "slow": 0.8}
    records = [r for m, v in values.items() for r in field({m: v}, cost={"train_seconds": {"pca": 1}.get(m, 5)})]
    records += field(values, dataset="knee", cost={"train_seconds": 1})
    (table,) = tables.on_fronts(made(records))
    assert table.header == ("Model", "Reconstruction [cpu]")
    assert table.rows == (("pca", "1 of 2"), ("vae", "2 of 2"))
    front = json.loads(export.to_json(made(records)))["fronts"][0]
    assert front["entrants"] == ["pca", "vae"] and front["dataset"] == "chest"


def test_a_long_table_is_split_to_fit():
    records = [r for number in range(6) for r in field({"vae": 0.9, "pca": 0.7}, dataset=f"dataset-number-{number}")]
    text = plain(made(records), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"dataset-number-{number}" in text.replace("\n", "") for number in range(6)) and "…" not in text


def test_the_terminal_shows_markup_as_text():
    from rich.console import Console

    output = io.StringIO()
    found = made([record(MARKUP, {"svc": 0.5}), record("pca", {"svc": 0.5})])
    show(found, Console(file=output, width=300, force_terminal=True, color_system="truecolor", highlight=False))
    assert "\x1b[31m" not in output.getvalue()
    assert "[red]x[/red]" in plain(found, 300) and "\x1b" not in plain(found, 300)


def test_no_color_is_honoured(monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    show(made(everything()))
    assert "\x1b[3" not in capsys.readouterr().out


def pipe_rows(text: str) -> list[list[str]]:
    """The cells of Markdown tables, read as GitHub does: a pipe ends a cell unless a backslash precedes it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def test_markdown_tables_stay_tables():
    evil = metric("odd", 0.5, title=MARKUP, variant=MARKUP, unit=MARKUP)
    text = files.render(made([record(MARKUP, {"odd": evil}, dataset=MARKUP), record("pca", {"svc": 0.5})]), "md")
    blocks = [pipe_rows(block) for block in text.split("\n\n") if block.startswith("|")]
    assert blocks and all(len({len(row) for row in block}) == 1 for block in blocks)
    assert "<script" not in text and "[l](" not in text.replace("\\[l]", "")
    name = next(row[0].strip() for block in blocks for row in block if "script" in row[0])
    unescaped = re.sub(r"\\(.)", r"\1", name).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert unescaped == clean(SHOWN)


def test_latex_is_escaped():
    records = [
        record(MARKUP, {"svc": metric("svc", 0.5, title=MARKUP)}, dataset=MARKUP),
        record("x", error=("nan", MARKUP)),
    ]
    text = files.render(made(records), "tex")
    assert "\\input{" not in text and "\\$x\\$" in text and "\\& \\%" in text
    assert text.count("\\toprule") == text.count("\\bottomrule") == text.count("\\begin{table}") > 0


def test_csv_is_tidy():
    import pandas as pd

    found = made(everything())
    frame = pd.read_csv(io.StringIO(export.csv(found)), keep_default_na=True)
    assert list(frame.columns) == list(export.KINDS)
    assert not frame.duplicated(["dataset", "model", "loss", "floor", "metric", "variant"]).any()
    vae = frame[(frame.model == "vae") & (frame.metric == "ms-ssim") & (frame.dataset == "chest")].iloc[0]
    assert vae.low < vae.value < vae.high and vae.seeds == 5 and vae.n == 100 and vae.status == "ok"
    assert (vae.suite, vae.version, vae.variant, vae.better) == ("demo", 1, "L3", "higher")
    assert frame[frame.model == "gan"].status.eq("failed").all() and frame[frame.model == "gan"].value.isna().all()
    dash = frame[(frame.model == "mean-image") & (frame.metric == "kid")].iloc[0]
    assert (dash.status, dash.reason) == ("dash", "no prior")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_holds_no_formula(start):
    rows = list(csv.DictReader(io.StringIO(export.csv(made([record(f"{start}cmd()", {"svc": 0.5})])))))
    assert {row["model"] for row in rows} == {f"'{start}cmd()"}


def test_json_tells_everything():
    found = made(everything(), datasets=("chest", "skin"))
    document = json.loads(export.to_json(found))
    assert document["schema"] == "vaebench/board@1" and document["title"] == found.title
    assert len(document["rows"]) == len(export.rows(found)) and list(document["rows"][0]) == list(export.KINDS)
    assert document["failures"][0]["seeds"] == [0, 1, 2] and document["hidden"][0]["count"] == 1
    lead = document["standings"][0]
    assert (lead["verdict"], lead["metric"]) == ("reconstruction", "ms-ssim")
