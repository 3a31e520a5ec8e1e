"""What boards say of who is better, in every format: order, ranks, marks, floors, newcomers, the smallest gap."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pandas as pd
import pytest
from msgspec.structs import replace
from page_made import data_of
from records_made import field, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Measure
from vaebench.records.record import Record
from vaebench.report import export, files, tables
from vaebench.report.notes import notes

MODELS = {"ae": 0.75, "vae": 0.80, "twin": 0.802, "far": 0.5, "new": 0.9}
"""In an order that is neither that of their names nor that of their means."""
ORDER = ["new", "vae", "twin", "ae", "far"]
TEXTS = ("md", "tex", "table")


def entrants(*names: str) -> tuple[Entrant, ...]:
    return tuple(Entrant(name, "bce") for name in names)


def measured(name: str = "ms-ssim", seeds: int = 5, **given: Any) -> list[Record]:
    return field(MODELS, seeds=seeds, name=name, **given)


def judged(records: list[Record], **given: Any) -> Board:
    """`new` is no model of the suite, and `far` a floor."""
    return made(records, **{"references": entrants("ae", "vae", "twin"), "floors": entrants("far"), **given})


@pytest.fixture(scope="module")
def found() -> Board:
    shortcuts = {"sharpness": 0.77, "contrast": 0.65}
    return judged([*measured(), *measured("auroc", shortcuts=shortcuts)], margins={"ms-ssim": 0.1})


def lines(board: Board, form: str) -> list[str]:
    """The rows of the table of reconstruction, as a format writes them."""
    text = files.render(board, form)
    start = text.index("Reconstruction: MS-SSIM")
    own = re.split(r"\n## |\\end\{table\}|\n\n(?=[A-Z])", text[start:])[0]
    return [line.lstrip("| ") for line in own.splitlines() if re.match(r"\W*(ae|vae|twin|far|new)\b", line)]


@pytest.mark.parametrize("form", TEXTS)
def test_rows_stand_by_their_mean(found: Board, form: str) -> None:
    assert [re.match(r"\w+", line)[0] for line in lines(found, form)] == ORDER


def test_machines_get_the_same_order(found: Board) -> None:
    standings = json.loads(export.to_json(found))["standings"]
    own = [place["model"] for place in standings if place["verdict"] == "reconstruction"]
    assert own == [name for name in ORDER if name != "far"], "floors have no place"


def test_rows_of_a_dataset_and_of_every_metric_stand_by_their_mean() -> None:
    """PSNR turns the order round; `half` lacks seeds."""
    records = [*measured(), *measured(dataset="knee")]
    for one in records:
        value = 30 - 10 * one.metrics["ms-ssim"].value
        one.metrics["psnr"] = replace(one.metrics["ms-ssim"], value=value, replicates=[], unit="dB", title="PSNR")
    half = [
        record("half", {"psnr": 40.0, "ms-ssim": 0.99}, dataset=d, seed=s) for d in ("chest", "knee") for s in (0, 1)
    ]
    board = judged([*records, *half])
    psnr = next(table for table in tables.by_metric(board) if table.title.startswith("PSNR"))
    assert [row[0].split()[0] for row in psnr.rows] == [*reversed(ORDER), "half"]
    chest = next(table for table in tables.by_dataset(board) if table.title == "Reconstruction on chest (phantom)")
    assert [row[0].split()[0] for row in chest.rows] == [*ORDER, "half"]
    rows = tables.by_verdict(board, board.standings[0]).drawn()
    assert [row[0].split()[0] for row in rows][:7] == [*ORDER, "not", "half"]


@pytest.mark.parametrize(("form", "bold"), [("md", r"\*\*(.+?)\*\*"), ("tex", r"\\textbf\{(.+?)\}")])
def test_only_the_best_mean_of_the_references_is_bold(found: Board, form: str, bold: str) -> None:
    assert [line.split()[0] for line in lines(found, form) if re.search(bold, line)] == ["vae"]


def test_the_terminal_shows_the_best_mean_in_bold(found: Board) -> None:
    from rich.console import Console

    from vaebench.report.terminal import show

    output = io.StringIO()
    show(found, Console(file=output, width=200, force_terminal=True, color_system="standard", highlight=False))
    bold = re.findall(r"\x1b\[1m *(0\.\d+[^\x1b]*)", output.getvalue())
    assert bold and all(text.startswith(("0.80", "0.81")) for text in bold)


@pytest.mark.parametrize("form", TEXTS)
def test_a_light_mark_and_an_interval_tell_who_may_be_the_best(form: str) -> None:
    board = judged(measured())
    told = {line.split()[0]: line for line in lines(board, form)}
    mark, dash = (r"$\approx$", "--") if form == "tex" else ("≈", "–")
    assert [name for name, line in told.items() if mark in line] == ["twin"]
    assert f"(1{dash}2)" in told["vae"] and f"(1{dash}2)" in told["twin"] and "(3)" in told["ae"]
    assert "not significantly worse than the best mean" in " ".join(files.render(board, form).split())


def test_within_the_margin_is_another_mark(found: Board) -> None:
    assert {line.split()[0]: line for line in lines(found, "md")}["twin"].count("= (1–2)") == 1
    row = next(row for row in export.rows(found) if (row.model, row.metric) == ("twin", "ms-ssim"))
    assert (row.marked, row.best, row.compared) == (True, False, "equivalent")


@pytest.mark.parametrize("form", TEXTS)
def test_floors_have_no_rank_and_rows_say_which_they_beat(found: Board, form: str) -> None:
    told = {line.split()[0]: line for line in lines(found, form)}
    assert "(floor)" in told["far"] and not re.search(r"\(\d", told["far"])
    assert all("1 of 1" in told[name] for name in ("vae", "twin", "ae", "new"))
    text = " ".join(re.sub(r"[|&\\]|not\s+best\s+shortcut", " ", files.render(found, form)).split())
    assert "best shortcut (floor)" in text and "0.770 sharpness" in text


def test_a_floor_that_is_not_beaten_is_named(found: Board) -> None:
    table = tables.by_verdict(found, next(one for one in found.standings if one.measure.verdict == "anomaly"))
    assert table.header[-1] == tables.BEATS and table.above == len(table.rows)
    beats = {row[0]: row[-1] for row in table.rows}
    assert beats == {
        "new + bce (new)": "2 of 2",
        "vae": "2 of 2",
        "twin": "2 of 2",
        "best shortcut (floor)": "",
        "ae": "1 of 2; not best shortcut",
        "far (floor)": "",
    }
    assert [row[0] for row in table.rows] == list(beats), "the shortcut stands where its number puts it"


def test_over_datasets_a_shortcut_stands_among_the_models_and_above_the_incomplete() -> None:
    records = [
        *measured("auroc", shortcuts={"size": 0.77}),
        *measured("auroc", dataset="knee", shortcuts={"size": 0.77}),
    ]
    board = judged([*records, *field({"half": 0.99}, name="auroc", seeds=2)])
    names = [row[0].split(" (")[0].split(" +")[0] for row in tables.by_verdict(board, board.standings[0]).drawn()]
    assert names[:8] == ["new", "vae", "twin", "best shortcut", "ae", "far", "not complete:", "half"]


def test_all_floors_are_one_kind_of_row() -> None:
    """A model, a metric and a shortcut: machines tell them by the role, and never take one for a model."""
    shared = metric("pixels", 0.7, verdict="anomaly", regime="healthy", title="Pixels")
    records = measured("auroc", shortcuts={"sharpness": 0.77, "contrast": 0.65})
    for one in records:
        one.metrics["pixels"] = replace(one.metrics["auroc"], value=0.7, replicates=[], title="Pixels")
    known = rules_with("pixels", shared)
    board = judged(records, floor_metrics={"anomaly": ("pixels",)}, measures=known)
    frame = pd.read_csv(io.StringIO(export.csv(board)), keep_default_na=False)
    own = frame[(frame.role == "floor") & (frame.metric == "auroc")]
    assert own[["model", "floor", "variant", "value", "rank_low", "status"]].values.tolist() == [
        ["far", "", "", pytest.approx(0.5, abs=0.02), "", "ok"],
        ["", "Pixels", "", 0.7, "", "ok"],
        ["", "best shortcut", "sharpness", 0.77, "", "ok"],
    ]
    document = json.loads(export.to_json(board))
    assert document["shortcuts"][1] == {"dataset": "chest", "name": "contrast", "auroc": 0.65}
    assert {place["model"] for place in document["standings"]} == {"ae", "vae", "twin", "new"}
    vae = next(row for row in export.rows(board) if (row.model, row.metric) == ("vae", "auroc"))
    assert vae.beats.split("; ") == ["far", "Pixels", "best shortcut"]


def rules_with(name: str, cell: dict[str, Any]) -> dict[str, Measure]:
    known: Rules = made([]).rules
    own = Measure(name, 1, cell["better"], cell["unit"], cell["regime"], cell["verdict"], cell["title"])
    return {**known.measures, name: own}


@pytest.mark.parametrize("form", TEXTS)
def test_newcomers_are_told_apart(found: Board, form: str) -> None:
    line = lines(found, form)[0]
    assert line.startswith("new + bce (new)") and "above every reference" in line
    assert "1 newcomer (new)" in " ".join(files.render(found, form).split())
    roles = {row.model: (row.role, row.above_all) for row in export.rows(found) if row.metric == "ms-ssim"}
    assert roles["new"] == ("newcomer", True) and roles["vae"] == ("reference", False)


@pytest.mark.parametrize("form", [*TEXTS, "json"])
@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_have_no_ranks_and_one_sentence(form: str, seeds: int) -> None:
    text = files.render(judged(measured(seeds=seeds)), form)
    assert " ".join(text.split()).count("fewer than three training runs say little about a method") == 1
    assert not re.search(r"\(\d(–|--)?\d?\)|\*\*|textbf|Mean rank|≈|approx|smallest gap", text)
    assert all(row.rank_low is None and row.beats == "" for row in export.rows(judged(measured(seeds=seeds))))


@pytest.mark.parametrize("form", [*TEXTS, "json"])
def test_few_patients_are_flagged_and_too_few_have_no_rank(form: str) -> None:
    cells = {count: measured() for count in (40, 9, 7)}
    for count, own in cells.items():
        for one in own:
            one.metrics["ms-ssim"] = replace(one.metrics["ms-ssim"], patients=count)
    few, unranked, too_few = (" ".join(files.render(judged(own), form).split()) for own in cells.values())
    mark = r"\S{}" if form == "tex" else "\\u00a7" if form == "json" else "§"
    assert mark in few and "from few patients" in few and "nor ranks" not in few and "has no ranks" not in few
    assert "MS-SSIM on chest (phantom) has no ranks: fewer than 10 patients in all or in one class" in unranked
    assert "MS-SSIM on chest (phantom) has neither intervals nor ranks: fewer than 10 patients in all" in too_few
    assert not re.search(r"±\d|pm\$\d|\(\d(–|--)\d\)", too_few)


@pytest.mark.parametrize("form", TEXTS)
def test_the_foot_says_what_a_column_could_have_shown(found: Board, form: str) -> None:
    gap = next(iter(found.gaps.values()))
    text = " ".join(re.sub(r"[|&\\]", " ", files.render(found, form)).split())
    assert 0.001 < gap < 0.1 and f"{gap:.2g}" in text and "smallest gap" in text
    told = json.loads(export.to_json(found))["gaps"]
    assert [(one["dataset"], one["metric"]) for one in told] == [("chest", "ms-ssim"), ("chest", "auroc")]
    assert told[0]["gap"] == pytest.approx(gap, rel=0.05)


def test_plus_minus_means_one_thing(found: Board) -> None:
    """Half of the interval of a mean over seeds: no table says it of a rank, and its meaning is told once."""
    knee = judged([*measured(), *measured(dataset="knee")])
    for board in (found, knee):
        text = files.render(board, "md")
        assert len(re.findall(r"^- ±", text, re.MULTILINE)) == 1
        halves = {f"{(row.high - row.low) / 2:.3f}" for row in export.rows(board) if row.low is not None}
        assert set(re.findall(r"±(0\.\d{3})", text)) <= halves
    assert dict(row[:2] for row in tables.overall(knee)[0].rows)["ae"] == "3.0 (3.0–3.0)"


def test_a_mean_rank_stays_among_the_ranks() -> None:
    board = made(field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.7, "pca": 0.9}, dataset="knee"))
    assert [row[1] for row in tables.overall(board)[0].rows] == ["1.5 (1.5–1.5)"] * 2
    places = [place for place in json.loads(export.to_json(board))["standings"] if place["verdict"] != "cost"]
    assert [[place[key] for key in ("mean_rank", "low", "high")] for place in places] == [[1.5, 1.5, 1.5]] * 2


@pytest.mark.parametrize("form", [*files.FORMATS])
def test_no_zero_error_and_no_negative_zero_is_printed(form: str) -> None:
    records = [record(model, {"kid": metric("kid", value, error=0.0)}, seed=seed)
               for seed in range(3) for model, value in (("vae", -0.00001), ("ae", 1.5), ("twin", 2.5))]  # fmt: skip
    text = files.render(judged(records), form)
    assert not re.search(r"(±|\$\\pm\$)0(\.0+)?\b", text) and not re.search(
        r"-0(\.0+)?(?![\d.e])", text.split("<style>")[0]
    )
    if form in ("csv", "json"):
        assert {row.error for row in export.rows(judged(records)) if row.metric == "kid"} == {None}


FOUR = {"fid": 31.5, "ms-ssim": 0.912, "svc-accuracy": 0.674, "anomaly-auroc": 0.583}
TITLES = {"fid": "FID", "ms-ssim": "MS-SSIM", "svc-accuracy": "SVC accuracy", "anomaly-auroc": "Anomaly AUROC"}


@pytest.fixture(scope="module")
def mission() -> Board:
    """The four numbers of the mission; a floor has no FID, and says what would give it one."""
    measures = {
        "fid": Measure("fid", 1, "lower", "", "all", "generation", "FID", 2000),
        "ms-ssim": made([]).rules.measures["ms-ssim"],
        "svc-accuracy": Measure("svc-accuracy", 1, "higher", "", "all", "representation", "SVC accuracy"),
        "anomaly-auroc": Measure("anomaly-auroc", 1, "higher", "", "healthy", "anomaly", "Anomaly AUROC"),
    }
    records = []
    for model in ("vae", "far"):
        for regime in ("all", "healthy"):
            cells = {}
            for name, one in measures.items():
                if one.regime == regime:
                    told = {"better": one.better, "verdict": one.verdict, "title": one.title, "regime": regime}
                    lacks = name == "fid" and model == "far"
                    why = "needs the published weights: `vaebench data fetch fid`"
                    cells[name] = metric(name, None if lacks else FOUR[name], why if lacks else "", **told)
            records += [record(model, cells, regime=regime, seed=seed) for seed in range(3)]
    given = {"measures": measures, "summary": tuple(FOUR), "headline": {"reconstruction": "ms-ssim"}}
    return judged(records, references=entrants("vae"), **given)


@pytest.mark.parametrize("form", files.FORMATS)
def test_the_four_numbers_stand_in_every_format(mission: Board, form: str) -> None:
    text = files.render(mission, form)
    if form == "csv":
        frame = pd.read_csv(io.StringIO(text))
        assert frame[frame.model == "vae"].set_index("metric").value.to_dict().items() >= FOUR.items()
    elif form == "json":
        rows = {row["metric"]: row["value"] for row in json.loads(text)["rows"] if row["model"] == "vae"}
        assert rows.items() >= FOUR.items()
    elif form == "html":
        data = data_of(text)
        shown = [data["columns"][number] for number in data["summary"]]
        assert [data["metrics"][column["metric"]]["title"] for column in shown] == list(TITLES.values())
        assert [cell[2] for column in shown for cell in column["cells"] if data["models"][cell[0]] == "vae"] == [
            *FOUR.values()
        ]
    else:
        own = text[text.index("Summary on chest") :]
        assert all(word in own for title in TITLES.values() for word in title.split())
        row = next(line for line in own.splitlines() if re.match(r"\W*vae\b", line))
        places = [row.index(str(value)) for value in FOUR.values()]
        assert places == sorted(places), "in the order of the suite"
    assert "data fetch fid" in " ".join(text.split())


def test_fid_from_few_samples_is_flagged(mission: Board) -> None:
    cells = {row.model: row.few for row in export.rows(mission) if row.metric == "fid"}
    assert cells == {"vae": True, "far": None}, "its 100 samples are fewer than 2,000"


@pytest.mark.parametrize("form", files.FORMATS)
def test_a_warning_is_a_mark_and_its_text_is_told(form: str) -> None:
    told = "samples have no diversity"
    records = measured()
    for one in records:
        if str(one.trial.model) == "twin":
            one.metrics["ms-ssim"] = replace(one.metrics["ms-ssim"], warning=told)
    board = judged(records)
    text = files.render(board, form)
    assert told in " ".join(text.split())
    if form in TEXTS:
        marked = [line.split()[0] for line in lines(board, form) if re.search(r"\d\D*! \(", line)]
        assert marked == ["twin"] and f"MS-SSIM on chest (phantom), twin: {told}" in " ".join(text.split())
    assert {row.model for row in export.rows(board) if row.warning} == {"twin"}


def test_what_has_no_number_is_told_once_for_each_reason_and_has_no_row() -> None:
    records = field({"vae": 0.1, "twin": 0.1}, name="kid")
    for name in ("knee", "chest"):
        lacking = {one: metric(one, None, "no prior") for one in ("kid", *(["svc"] if name == "knee" else []))}
        records += [record("ae", {**lacking, "psnr": 20.0}, dataset=name)]
    records += [record("late", {"kid": metric("kid", None, "out of time")})]
    board = made(records)
    alone = made([record("ae", {"kid": metric("kid", None, "no prior " * 50), "psnr": 20.0}, shortcuts={"size": 0.8})])
    assert [line for section in notes(alone) for line in section.lines if "prior" in line] == [
        f"{' '.join(['no prior'] * 50)}: KID on chest (phantom) (all models)"
    ], "a long reason is told in full"
    (lines,) = [section.lines for section in notes(board) if section.title == "No number"]
    assert sorted(lines) == [
        "no prior: KID on chest (phantom) (ae); KID, SVC balanced accuracy on knee (phantom) (ae)",
        "out of time: KID on chest (phantom) (late)",
    ], lines
    (kid,) = [table for table in tables.tables(board) if table.title == "Generation on chest (phantom)"]
    assert sorted(row[0] for row in kid.rows) == ["twin", "vae"]
